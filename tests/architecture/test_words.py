# SPDX-License-Identifier: GPL-3.0-or-later
"""Docstrings, documents, links, versions and test names keep the rules of CONTRIBUTING.md."""

import ast
import re
import tomllib
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import pytest

from backend.interface.installer import packages
from tests.support import ROOT
from tests.support.repository import texts

BAD_START = re.compile(r"(The same|What|Of|As above|Likewise|Ditto)\b")
LINK = re.compile(r"\]\(\s*([^)\s]+)[^)]*\)|<(?:img|a)\b[^>]*\b(?:src|href)=[\"']([^\"']+)|^\[[^\]]+\]:\s+(\S+)")
README_LINES, CARD_LINES = 110, 60
CROSS_CUTTING = {  # test files of tests/backend that test more than one file
    "cli/test_command_line.py": "the program as a whole: its commands, help texts and exit statuses",
    "engines/test_orientation.py": "every engine's mesh faces the same way",
    "engines/test_published_flow.py": "from a published checkpoint to a mesh, through the loaders and the engines",
    "process/test_end_to_end.py": "the whole backend process, from the request to the mesh",
    "process/test_prompts.py": "the tasks that take a prompt, through the whole process",
    "process/test_server_faults.py": "faults around the process: signals, disk, owner",
    "rendering/test_cameras_in_blender.py": "cameras.py compared with Blender's renders",
    "training/test_starter.py": "the starter weights that ship",
    "training/test_training.py": "novel_view.py, reconstruction.py, vae.py and distance.py, by the same short run",
    "weights/formats/test_networks.py": "compare.py, fill.py and probe.py on the same networks",
    "weights/loaders/test_picture_networks.py": "CLIP, BLIP, DINO and the depth network, by the same checks",
    "weights/loaders/test_published_zero123.py": "published Zero123 checkpoints through the loaders and the prior",
    "weights/loaders/test_zero123_widths.py": "zero123.py and zero123_layout.py at widths other than the published",
}


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


MARKDOWN = [path for path in texts() if path.suffix == ".md"]


def docstrings(path: Path) -> list[tuple[int, str]]:
    """(line, text) of the docstrings of a Python file."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if text := ast.get_docstring(node):
                found.append((node.body[0].lineno, text))
    return found


@pytest.mark.parametrize("path", [path for path in texts() if path.suffix == ".py"], ids=named)
def test_docstrings_stand_alone(path):
    assert [f"{named(path)}:{line}: {text[:60]}" for line, text in docstrings(path) if BAD_START.match(text)] == []


@pytest.mark.parametrize(
    ("text", "bad"), [("The same.", 1), ("What a", 1), ("Of it", 1), ("Whatever", 0), ("Often", 0)]
)
def test_a_docstring_that_needs_its_neighbour_is_found(text, bad, tmp_path):
    path = tmp_path / "x.py"
    path.write_text(f'class A:\n    """A."""\n\n    def f():\n        """{text}"""\n')
    assert [line for line, found in docstrings(path) if BAD_START.match(found)] == [5] * bad


def test_the_readme_is_short_and_begins_with_the_two_commands_and_a_picture():
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    top = "\n".join(lines[:15])
    assert len(lines) <= README_LINES
    assert "python build.py demo" in top and "python build.py test" in top
    assert re.search(r"!\[.+\]\(docs/.+\.png\)", top)


@pytest.mark.parametrize("path", sorted((ROOT / "backend").rglob("model_card.md")), ids=named)
def test_a_model_card_is_one_page(path):
    assert len(path.read_text("utf-8").splitlines()) <= CARD_LINES


def prose(path: Path) -> list[tuple[int, str]]:
    """(line number, line) of a Markdown file without its code."""
    lines, fenced = [], False
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and not line.startswith("    "):
            lines.append((number, line if line.startswith("#") else re.sub(r"`[^`]*`", "", line)))
    return lines


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub gives a Markdown file's headings."""
    seen: Counter[str] = Counter()
    found = set()
    for _, line in prose(path):
        if heading := re.match(r"#{1,6}\s+(.*?)\s*#*$", line):
            title = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
            slug = re.sub(r"[^\w\- ]", "", title).replace(" ", "-")
            found.add(slug + (f"-{seen[slug]}" if seen[slug] else ""))
            seen[slug] += 1
    return found


def links(path: Path) -> list[tuple[int, str]]:
    """(line number, target) of a Markdown file's links and pictures within the repository."""
    found = [(number, next(filter(None, m.groups()))) for number, line in prose(path) for m in LINK.finditer(line)]
    return [(number, target) for number, target in found if not re.match(r"[a-z]+:", target)]


def is_broken(path: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    file = path.parent / unquote(name) if name else path
    return not file.exists() or (file.suffix == ".md" and bool(anchor) and anchor not in anchors(file))


@pytest.mark.parametrize("path", MARKDOWN, ids=named)
def test_every_link_and_picture_leads_somewhere(path):
    assert [f"{named(path)}:{number}: {target}" for number, target in links(path) if is_broken(path, target)] == []


def test_broken_links_are_found(tmp_path):
    (tmp_path / "b.md").write_text("# One `two`, three\n## Same\n## Same\n")
    page = tmp_path / "a.md"
    page.write_text(
        "# Here\n[a](b.md#one-two-three) [b](b.md#same-1) ![](none.png)\n"
        "[c](b.md#same-2) [d](#here) [e](#there) `[f](none)` [g](https://example.org/none)\n"
        '```\n[h](none)\n```\n<img src="gone.png">\n[i]: gone.md\n'
    )
    broken = [(number, target) for number, target in links(page) if is_broken(page, target)]
    assert broken == [(2, "none.png"), (3, "b.md#same-2"), (3, "#there"), (7, "gone.png"), (8, "gone.md")]


def test_the_version_stands_in_the_manifest_alone():
    version = tomllib.loads((ROOT / "blender_manifest.toml").read_text("utf-8"))["version"]
    own = re.compile(rf"(?<![=\w.]){re.escape(version)}(?![\w.])")  # not a pin, such as package==0.1.0
    files = [path for path in texts() if path.suffix in {".cff", ".md", ".py", ".toml"}]
    holders = {named(path) for path in files if own.search(path.read_text("utf-8"))}
    assert holders - {"CHANGELOG.md"} == {"blender_manifest.toml"}
    project = packages.project(ROOT)["project"]
    assert "version" not in project and "version" in project["dynamic"]


def test_the_changelog_has_a_section_for_the_version_or_for_unreleased_changes():
    version = tomllib.loads((ROOT / "blender_manifest.toml").read_text("utf-8"))["version"]
    sections = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert {version, "Unreleased"} & set(sections)


def test_pre_commit_runs_the_ruff_that_the_project_pins():
    pinned = re.findall(r"ruff==([\d.]+)", (ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    [own] = [pin for pin in packages.project(ROOT)["dependency-groups"]["dev"] if pin.startswith("ruff==")]
    assert pinned and {f"ruff=={version}" for version in pinned} == {own}


@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "backend").rglob("test_*.py")), ids=named)
def test_the_tests_mirror_the_code(path):
    place = path.relative_to(ROOT / "tests" / "backend")
    room = ROOT / "backend" / place.parent
    assert room.is_dir()
    tested = (room / place.name.removeprefix("test_")).is_file()
    assert tested != (place.as_posix() in CROSS_CUTTING), f"{place} tests no file of {named(room)}"


def test_the_list_of_cross_cutting_tests_is_current():
    assert [name for name in CROSS_CUTTING if not (ROOT / "tests" / "backend" / name).is_file()] == []

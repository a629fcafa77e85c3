# SPDX-License-Identifier: GPL-3.0-or-later
"""The installable extension, as `build.py zip` writes it."""

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.support import ROOT

MANIFEST = tomllib.loads((ROOT / "blender_manifest.toml").read_text("utf-8"))
PYTHONS = [path for path in os.environ.get("IMAGE_TO_MESH_BPY_PYTHONS", "").split(os.pathsep) if path]
STARTERS = ("backend/weights/starter/", "backend/weights/starter_text/")
KNOWN = {  # Blender's manifest, schema 1.0.0; its validator lets any other key pass
    "schema_version",
    "id",
    "version",
    "name",
    "tagline",
    "maintainer",
    "type",
    "tags",
    "website",
    "blender_version_min",
    "blender_version_max",
    "license",
    "copyright",
    "platforms",
    "wheels",
    "permissions",
    "build",
}


def build(root: Path, output: Path) -> Path:
    command = [sys.executable, root / "build.py", "zip", "--output", output, "--data-folder", output.parent / "none"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return output


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("zip") / "a.zip")


@pytest.fixture(scope="module")
def members(archive: Path) -> dict[str, zipfile.ZipInfo]:
    with zipfile.ZipFile(archive) as file:
        assert file.testzip() is None
        return {info.filename: info for info in file.infolist()}


def test_the_same_content_gives_the_same_bytes(archive, members, tmp_path, monkeypatch):
    """From a copy whose files are made in another order, at another time, with other permissions, and with rubbish, by
    somebody whose files nobody else may read, in another time zone."""
    for name in [*reversed(members), "build.py", "demo/installed_blender.py"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
        os.chmod(tmp_path / name, 0o600)
        os.utime(tmp_path / name, (1e9, 1e9))
    for rubbish in (
        "backend/__pycache__/x.pyc",
        "addon/.DS_Store",
        "tests/t.py",
        "backend/training/x.py",
        "build/y.py",
    ):
        (tmp_path / rubbish).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / rubbish).write_text("rubbish")
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    before = os.umask(0o077)
    try:
        again = build(tmp_path, tmp_path / "b.zip")
    finally:
        os.umask(before)
    assert again.read_bytes() == archive.read_bytes()


def step(name: str) -> str:
    """The command of a step of the release workflow."""
    lines = (ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8").splitlines()
    first = next(index for index, line in enumerate(lines) if line.strip() == f"- name: {name}")
    return next(line.split("run: ", 1)[1] for line in lines[first:] if "run: " in line)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="the workflow runs on Linux")
def test_the_release_publishes_the_checksum_of_the_zip(archive, tmp_path):
    """The workflow's own command writes it, and its last step attaches what that wrote."""
    shutil.copy(archive, tmp_path / "image_to_mesh-1.0.0.zip")
    subprocess.run(["bash", "-c", step("Write the checksums")], cwd=tmp_path, check=True)
    digest, name = (tmp_path / "SHA256SUMS").read_text().split()
    assert digest == hashlib.sha256(archive.read_bytes()).hexdigest() and name.lstrip("*") == "image_to_mesh-1.0.0.zip"
    attached = step("Attach both to the release").split()
    assert {"dist/image_to_mesh-*.zip", "dist/SHA256SUMS", "--verify-tag"} <= set(attached)


def test_the_zip_is_complete_and_has_nothing_else(members):
    wanted = {"__init__.py", "blender_manifest.toml", "LICENSE", "pyproject.toml"}
    for folder in ("addon", "backend"):
        wanted |= {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*.py")}
    wanted = {name for name in wanted if not name.startswith(("backend/training/", "backend/evaluation/"))}
    assert wanted <= set(members)
    others = set(members) - wanted
    assert all(name.startswith(STARTERS) for name in others), others
    assert any(name.endswith(".safetensors") for name in others)


def test_names_are_short_and_plain(members):
    for name, info in members.items():
        assert len(name) < 120 and name.isascii() and "\\" not in name and not name.startswith("/"), name
        assert info.date_time == (1980, 1, 1, 0, 0, 0) and not info.is_dir()
    assert len({name.lower() for name in members}) == len(members)  # Windows and macOS do not tell case


def test_the_starter_weights_are_small(members):
    limits = (57_000_000, 7_000_000)  # bytes: of image to mesh, of prompts
    for folder, limit in zip(STARTERS, limits, strict=True):
        size = sum(info.file_size for name, info in members.items() if name.startswith(folder))
        assert 0 < size <= limit, folder


def test_the_unpacked_extension_finds_its_pins(archive, tmp_path):
    """Under the name that Blender gives it, in a Python that has nothing installed."""
    with zipfile.ZipFile(archive) as file:
        file.extractall(tmp_path / "image_to_mesh")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from pathlib import Path\n"
        "from image_to_mesh.backend.interface.installer import environment, packages\n"
        f"assert not environment.is_ready(Path({str(tmp_path)!r}))\n"
        "print(packages.pins(environment.SOURCE, 'backend')[0])"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert done.stdout.startswith("torch=="), done.stderr


def test_the_manifest_has_only_keys_that_blender_knows():
    assert set(MANIFEST) <= KNOWN and "platforms" not in MANIFEST and "wheels" not in MANIFEST
    assert MANIFEST["type"] == "add-on" and MANIFEST["id"].isidentifier()
    assert set(MANIFEST["build"]) <= {"paths_exclude_pattern"}


def test_the_version_stands_in_the_manifest_alone(archive, tmp_path):
    import backend

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert "version" not in project and project["dynamic"] == ["version"]
    assert project["license"] == MANIFEST["license"][0].removeprefix("SPDX:")
    assert backend.__version__ == MANIFEST["version"]
    for name in ("backend/__init__.py", "pyproject.toml", "build.py", "README.md"):
        assert f'"{MANIFEST["version"]}"' not in (ROOT / name).read_text("utf-8"), name
    with zipfile.ZipFile(archive) as file:
        file.extractall(tmp_path)
    text = (tmp_path / "blender_manifest.toml").read_text("utf-8")
    (tmp_path / "blender_manifest.toml").write_text(text.replace(f'"{MANIFEST["version"]}"', '"98.7.6"', 1))
    code = "import backend; print(backend.__version__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == "98.7.6", done.stderr


def test_the_copy_that_jobs_run_from_knows_its_version(tmp_path):
    from backend.interface.installer import environment

    copy = environment.copy_backend(ROOT, tmp_path)
    code = "import backend; print(backend.__version__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=copy, capture_output=True, text=True)
    assert done.stdout.strip() == MANIFEST["version"], done.stderr


@pytest.mark.parametrize(
    ("path", "is_folder", "excluded"),
    [
        ("addon", True, False),
        ("addon/panels.py", False, False),
        ("addon/__pycache__", True, True),
        ("addon/x.pyc", False, True),
        ("addon/.DS_Store", False, True),
        ("backend/training", True, True),
        ("backend/other/training", True, False),
        ("backend/training", False, False),  # a file of that name
        ("LICENSE", False, False),
        ("addon/LICENSE", False, False),
        ("notes.txt", False, True),
        ("addon2", True, True),
        (".git", True, True),
    ],
)
def test_the_manifest_decides_which_files_ship(path, is_folder, excluded):
    import build as entry

    patterns = MANIFEST["build"]["paths_exclude_pattern"]
    assert entry.is_excluded(Path(path), is_folder, patterns) is excluded
    assert entry.is_excluded(Path(path), is_folder, list(reversed(patterns))) is excluded  # the order does not matter


@pytest.mark.skipif(not PYTHONS, reason="`python build.py test` installs bpy and names it")
def test_blenders_own_build_holds_the_same_files(members, tmp_path):
    """Blender and build.py read the manifest's exclusions alike."""
    code = "import importlib.util as u; print(u.find_spec('bpy').submodule_search_locations[0])"
    folder = subprocess.run([PYTHONS[-1], "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    cli = next(Path(folder).glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
    command = [sys.executable, cli, "build", "--source-dir", ROOT, "--output-filepath", tmp_path / "b.zip"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(tmp_path / "b.zip") as file:
        assert {name for name in file.namelist() if not name.endswith("/")} == set(members)

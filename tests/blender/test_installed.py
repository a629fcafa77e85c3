# SPDX-License-Identifier: GPL-3.0-or-later
"""The built zip in Blender without a window, in every bpy that IMAGE_TO_MESH_BPY_PYTHONS names (os.pathsep between).

Each bpy runs the checks of the folder inside in one process; every check there is a test here. Only the checks that
pytest selects run (`-k versions`), in pytest's order, or in an order that the seed IMAGE_TO_MESH_SHUFFLE makes.
"""

import ast
import functools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PYTHONS = [path for path in os.environ.get("IMAGE_TO_MESH_BPY_PYTHONS", "").split(os.pathsep) if path]
LIMIT_S = 600


def names(path: Path) -> Iterator[str]:
    """`subject.check` for each check in a file, `subject.check[case]` for each case that `cases` gives it."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("check_"):
            name = f"{path.stem}.{node.name.removeprefix('check_')}"
            calls = [call for call in node.decorator_list if isinstance(call, ast.Call)]
            cases = [keyword.arg for call in calls for keyword in call.keywords]
            yield from [f"{name}[{case}]" for case in cases] or [name]


CHECKS = [name for path in sorted((HERE / "inside" / "checks").glob("*.py")) for name in names(path)]
each_bpy = pytest.mark.parametrize("python", PYTHONS, ids=[Path(path).parents[1].name for path in PYTHONS])
needs_bpy = pytest.mark.skipif(not PYTHONS, reason="`python build.py test` installs bpy and names it")


@functools.cache
def scripts(python: str) -> Path:
    """Blender's own scripts folder beside this bpy, found without importing it."""
    code = "import importlib.util as u; print(u.find_spec('bpy').submodule_search_locations[0])"
    folder = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    return next(Path(folder).glob("[0-9]*/scripts"))


def extension_command(python: str, *arguments: str) -> subprocess.CompletedProcess:
    """Blender's `--command extension`, which needs no Blender."""
    cli = scripts(python) / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"
    return subprocess.run([python, str(cli), *arguments], capture_output=True, text=True, timeout=LIMIT_S)


@functools.cache
def built_zip() -> Path:
    """The extension as people install it, by the project's own command."""
    folder = Path(tempfile.mkdtemp())
    subprocess.run([sys.executable, str(ROOT / "build.py"), "zip", "--output", str(folder / "x.zip")], check=True)
    return folder / "x.zip"


def inside(python: str, folder: str, *arguments: str) -> subprocess.Popen:
    """Start these checks in a Blender whose settings lie in the folder."""
    return subprocess.Popen(
        [python, "-X", "faulthandler", HERE / "inside", built_zip(), HERE / "double", sys.executable, *arguments],
        env=os.environ | {"BLENDER_USER_RESOURCES": folder},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture
def selected(request, python) -> tuple[str, ...]:
    """The checks that this run of pytest selects for a bpy, in the order in which they run."""
    items = [item for item in request.session.items if item.originalname == "test_inside_blender"]
    chosen = [item.callspec.params["check"] for item in items if item.callspec.params["python"] == python]
    if seed := os.environ.get("IMAGE_TO_MESH_SHUFFLE"):
        random.Random(seed).shuffle(chosen)
    return tuple(chosen)


@functools.cache
def outcome(python: str, checks: tuple[str, ...]) -> dict[str, str]:
    """Problem, or empty text, by the check's name."""
    with tempfile.TemporaryDirectory() as folder, inside(python, folder, *checks) as process:
        try:
            output, _ = process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
    lines = [json.loads(line) for line in output.splitlines() if line.startswith('{"check"')]
    died = f"Blender ended with status {process.returncode}\n{output[-5000:]}"
    return dict.fromkeys(checks, died) | {line["check"]: line["problem"] for line in lines}


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@needs_bpy
@each_bpy
@pytest.mark.parametrize("check", CHECKS)
def test_inside_blender(check, python, selected):
    problem = outcome(python, selected)[check]
    assert not problem, problem


@needs_bpy
@each_bpy
def test_blender_accepts_the_manifest_and_the_zip(python):
    tags = scripts(python) / "modules" / "_bpy_internal" / "extensions" / "tags.py"
    for path in (ROOT / "blender_manifest.toml", built_zip()):
        path = path.parent if path.suffix == ".toml" else path
        done = extension_command(python, "validate", "--valid-tags", str(tags), str(path))
        assert done.returncode == 0, done.stdout + done.stderr


@needs_bpy
@each_bpy
def test_no_process_outlives_a_killed_blender(python):
    with tempfile.TemporaryDirectory() as folder, inside(python, folder, "be_killed") as blender:
        assert blender.stdout
        pid = next(json.loads(line)["backend"] for line in blender.stdout if line.startswith('{"backend"'))
        assert is_alive(pid)
        blender.kill()
        blender.wait(LIMIT_S)
        end = time.monotonic() + LIMIT_S
        while is_alive(pid) and time.monotonic() < end:
            time.sleep(0.02)
        assert not is_alive(pid)

# SPDX-License-Identifier: GPL-3.0-or-later
"""The built zip in Blender without a window, in every bpy that IMAGE_TO_MESH_BPY_PYTHONS names (os.pathsep between).

Each bpy runs inside.py in a process of its own, once; every check of that file is a test here.
"""

import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PYTHONS = [path for path in os.environ.get("IMAGE_TO_MESH_BPY_PYTHONS", "").split(os.pathsep) if path]
CHECKS = [
    line.split("(")[0].removeprefix("def check_")
    for line in (HERE / "inside.py").read_text().splitlines()
    if line.startswith("def check_")
]
LIMIT_S = 300

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


@functools.cache
def outcome(python: str) -> dict[str, str]:
    """Problem, or empty text, by the check's name."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [python, str(HERE / "inside.py"), str(built_zip()), str(HERE / "double"), sys.executable],
            env=os.environ | {"BLENDER_USER_RESOURCES": folder},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"check"')]
    died = f"Blender ended with status {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return dict.fromkeys(CHECKS, died) | {line["check"]: line["problem"] for line in lines}


@needs_bpy
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("check", CHECKS)
def test_inside_blender(check, python):
    problem = outcome(python)[check]
    assert not problem, problem


@needs_bpy
@pytest.mark.parametrize("python", PYTHONS)
def test_blender_accepts_the_manifest_and_the_zip(python):
    tags = scripts(python) / "modules" / "_bpy_internal" / "extensions" / "tags.py"
    for path in (ROOT / "blender_manifest.toml", built_zip()):
        path = path.parent if path.suffix == ".toml" else path
        done = extension_command(python, "validate", "--valid-tags", str(tags), str(path))
        assert done.returncode == 0, done.stdout + done.stderr

# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/adding-an-engine.md, followed to the letter in a copy of the backend."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import trimesh

from tests.support import ROOT

PAGE = (ROOT / "docs" / "adding-an-engine.md").read_text("utf-8")
LAST_TASK = "    MVDREAM,\n)"  # the end of MESH_TASKS
TEST_IMPORTS = """
import numpy as np
import pytest

from backend.engines import Request, relief
from backend.interface.tasks import task
from backend.runtime.progress import Progress
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the backend, without weights, in which the page's three pieces of code were put where it says."""
    declaration, engine, test = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    folder = tmp_path_factory.mktemp("checkout")
    ignored = shutil.ignore_patterns("starter", "starter_text", "__pycache__")
    shutil.copytree(ROOT / "backend", folder / "backend", ignore=ignored)
    shutil.copy(ROOT / "blender_manifest.toml", folder)
    tasks = folder / "backend" / "interface" / "tasks.py"
    above, below = tasks.read_text("utf-8").split("MESH_TASKS: ")
    assert below.count(LAST_TASK) == 1
    below = below.replace(LAST_TASK, LAST_TASK.replace(")", "    RELIEF,\n)"))
    tasks.write_text(f"{above}{declaration}\n\nMESH_TASKS: {below}", "utf-8")
    (folder / "backend" / "engines" / "relief.py").write_text(engine, "utf-8")
    (folder / "test_relief.py").write_text(TEST_IMPORTS + test, "utf-8")
    return folder


def run(checkout: Path, *arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=300)


def test_the_engine_makes_a_mesh_from_the_command_line(checkout):
    sample, output = ROOT / "demo" / "sample.png", checkout / "relief.glb"
    options = ("--engine", "relief", "--image", sample, "--output", output, "--set", "depth=0.3")
    done = run(checkout, "-m", "backend", "generate", *options)
    assert done.returncode == 0, done.stderr
    low, high = trimesh.load_mesh(output).bounds
    assert sorted(high - low)[1:] == pytest.approx([1, 1]) and 0.05 < min(high - low) <= 0.3


def test_a_misspelt_parameter_fails_before_the_job_starts(checkout):
    options = ("--engine", "relief", "--image", "nothing.png", "--output", "a.glb", "--set", "dpeth=0.3")
    done = run(checkout, "-m", "backend", "generate", *options)
    assert done.returncode == 2 and "did you mean 'depth'?" in done.stderr


def test_its_test_passes(checkout):
    done = run(checkout, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_relief.py")
    assert done.returncode == 0, done.stdout

# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that play the window's scripts, with stand-ins for Blender and X. The scripts are run by hand."""

import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support import ROOT

WINDOW = ROOT / "tests" / "blender" / "window"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")
XVFB = 'while [ "$1" != -displayfd ]; do shift; done; eval "echo 7 >&$2"; exec sleep 60'
BLENDER = """
echo "$DISPLAY $*" >> "$RIG_OUT/calls"
case "$*" in
  *--python*) cp "$BLENDER_USER_RESOURCES/boot.py" "$RIG_OUT"; echo "$RIG_ARGS $GREETING" >> "$RIG_OUT/calls"; %s;;
esac
"""


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def play(folder: Path, blender: str, *more: str) -> subprocess.CompletedProcess:
    """Let the plain rig play a script with stand-ins; `blender` is what Blender does when it plays the script."""
    programs = folder / "bin"
    programs.mkdir()
    for name in ("xdotool", "import", "convert"):
        program(programs / name, "")
    program(programs / "Xvfb", XVFB)
    program(programs / "blender", BLENDER % blender)
    (folder / "script.py").touch()
    words = ["--extension", folder / "x.zip", "--script", folder / "script.py", "--out", folder / "out", *more]
    words += ["--size", "800x600", "--script-arg", "a=1", "--env", "GREETING=hello", "--venv", "v", "--bind", "b:ro"]
    command = [sys.executable, str(WINDOW / "plain_rig.py"), "run", *map(str, words)]
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PATH": path})


@pytest.mark.parametrize(
    ("blender", "status"),
    [
        ('echo 0 > "$RIG_OUT/.status"', 0),
        ('echo 1 > "$RIG_OUT/.status"', 1),
        ("exit 0", 1),  # Blender ended before the script did
        ('echo 0 > "$RIG_OUT/.status"; exit 11', 11),  # it crashed at its end
    ],
)
def test_the_plain_rig_ends_with_the_script_s_status(blender, status, tmp_path):
    done = play(tmp_path, blender)
    assert done.returncode == status, done.stderr
    first, second, told = (tmp_path / "out" / "calls").read_text().splitlines()
    assert first == f":7 --command extension install-file -r user_default --enable {tmp_path / 'x.zip'}"
    assert re.fullmatch(r":7 --window-geometry 0 0 800 600 --python /\S+/boot\.py", second)
    assert told == f"{json.dumps(['a=1'])} hello"
    assert str(tmp_path / "script.py") in (tmp_path / "out" / "boot.py").read_text()


def test_the_plain_rig_ends_a_blender_that_takes_too_long(tmp_path):
    assert play(tmp_path, "exec sleep 60", "--timeout", "0.5").returncode == 124


def test_the_plain_rig_names_the_programs_that_are_missing(tmp_path):
    words = ["run", "--script", "x.py", "--out", str(tmp_path / "out"), "--blender", str(tmp_path / "blender")]
    done = subprocess.run(
        [sys.executable, str(WINDOW / "plain_rig.py"), *words], capture_output=True, text=True, env={"PATH": ""}
    )
    assert done.returncode == 70
    assert all(name in done.stderr for name in ("Xvfb", "xdotool", "import", "convert", str(tmp_path / "blender")))


def test_another_rig_is_called_as_the_page_says(tmp_path):
    rig = program(tmp_path / "rig", f'printf "%s\\n" "$@" > {tmp_path / "words"}; exit 3')
    command = [sys.executable, WINDOW / "run.py", "click", "--rig", rig, "--rig-argument=--more", "--zip", "x.zip"]
    command += ["--venv", "v", "--image", tmp_path / "i.png", "--out", tmp_path / "out", "--timeout", "9"]
    assert subprocess.run(command).returncode == 3
    words = (tmp_path / "words").read_text().splitlines()
    assert words[:3] == ["run", "--extension", "x.zip"] and "--more" in words
    page = (ROOT / "docs" / "window-rig.md").read_text("utf-8")
    assert {word for word in words if word.startswith("--")} - {"--more"} <= set(re.findall(r"--[a-z-]+", page))
    pairs = list(pairwise(words))
    assert ("--script", str(WINDOW / "click.py")) in pairs and ("--timeout", "9") in pairs
    assert ("--bind", f"{tmp_path / 'i.png'}:ro") in pairs and ("--script-arg", f"here={WINDOW}") in pairs
    assert any(a == "--env" and b.startswith("HF_ENDPOINT=http://127.0.0.1:") for a, b in pairs)


def test_the_page_names_what_is_there():
    page = (ROOT / "docs" / "window-rig.md").read_text("utf-8")
    for name in re.findall(r"tests/blender/window/(\w+\.py)", page):
        assert (WINDOW / name).is_file()
    scripts = [text for path in WINDOW.glob("*.py") if "\nimport rig\n" in (text := path.read_text("utf-8"))]
    module = (WINDOW / "rig.py").read_text("utf-8")
    assert len(scripts) > 10
    for name in {name for text in scripts for name in re.findall(r"\brig\.(\w+)", text)}:
        assert re.search(rf"^(def {name}\(|{name} =)", module, re.MULTILINE), name

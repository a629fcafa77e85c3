# SPDX-License-Identifier: GPL-3.0-or-later
"""solid and print-check on a box within a box, whose wall and volume are known."""

import json
from pathlib import Path

import pytest
import trimesh

from tests.support.command_line import REAL, call


@pytest.fixture
def hollow(tmp_path: Path) -> Path:
    """A box of 2 x 2 x 2 with a cavity that leaves a wall of 0.05."""
    inner = trimesh.creation.box((1.9, 1.9, 1.9))
    inner.invert()
    trimesh.util.concatenate([trimesh.creation.box((2, 2, 2)), inner]).export(tmp_path / "hollow.ply")
    return tmp_path / "hollow.ply"


def test_a_hollow_box_fails_the_check_and_the_solid_one_passes(hollow: Path):
    found = call("print-check", hollow, "--set", "unit=10", command=REAL)
    assert found.returncode == 1 and found.stdout.splitlines() == [
        "Size: 20 x 20 x 20 mm. Thinnest wall: 0.5 mm. Shells: 2.",
        "It is hollow. Closed spaces inside: 1.",
        "A wall is too thin: 0.5 mm, at least 0.8 mm is needed.",
    ]
    output = hollow.with_name("solid.ply")
    made = call("solid", hollow, output, "--json", command=REAL)
    answer = json.loads(made.stdout)
    assert (made.returncode, answer["closed"], answer["removed"], answer["faces"]) == (0, True, 12, 12)
    assert trimesh.load_mesh(output).volume == pytest.approx(8)
    found = call("print-check", output, "--set", "unit=10", command=REAL)
    assert found.returncode == 0 and found.stdout.splitlines()[1] == "Ready to print."


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("solid", "nowhere.ply", "out.ply"), "There is no mesh at nowhere.ply"),
        (("solid", "nowhere.ply", "out.txt"), "must end in .ply"),
        (("solid", "nowhere.ply", "out.ply", "--set", "hole=1"), "did you mean 'holes'?"),
        (("print-check", "nowhere.ply"), "There is no mesh at nowhere.ply"),
    ],
)
def test_a_wrong_usage_is_one_sentence(arguments, words, tmp_path: Path):
    done = call(*arguments, command=REAL, cwd=tmp_path)
    assert (done.returncode, words in done.stderr, done.stderr.count("\n")) == (2, True, 1), done.stderr


def test_a_point_that_is_no_number_is_one_sentence(tmp_path: Path):
    (tmp_path / "a.obj").write_text("v 0 0 0\nv 1 0 nan\nv 0 1 0\nf 1 2 3\n")
    done = call("solid", "a.obj", "b.obj", command=REAL, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1) and "no numbers" in done.stderr, done.stderr
    assert not (tmp_path / "b.obj").exists()

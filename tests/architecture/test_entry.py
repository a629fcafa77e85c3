# SPDX-License-Identifier: GPL-3.0-or-later
"""`build.py demo` and `build.py test` with whatever of Pythons and Blenders is there."""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import build
from backend.interface.installer import interpreters, packages
from backend.meshing.files import load, save
from backend.rendering.mesh import Mesh
from demo import installed_blender, sheet
from tests.support import ROOT

needs_scripts = pytest.mark.skipif(os.name == "nt", reason="a stand-in for Blender is a shell script")
COLORS = {"-y": (200, 40, 30), "+x": (230, 180, 40), "+y": (30, 160, 60), "-x": (40, 60, 180)}


def stand_in(path: Path, version: str) -> Path:
    """A program that says that it is this Blender."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho 'Color management: using fallback'\necho 'Blender {version}'\n")
    path.chmod(0o755)
    return path


@needs_scripts
@pytest.mark.parametrize(
    ("version", "good"), [("4.1.1", False), ("4.2.0", True), ("4.10.2", True), ("5.0.1 LTS", True), ("x", False)]
)
def test_a_blender_is_known_by_its_version(tmp_path, version, good):
    assert installed_blender.is_new_enough(stand_in(tmp_path / "blender", version)) is good


def test_a_program_that_does_not_start_is_no_blender(tmp_path):
    assert not installed_blender.is_new_enough(tmp_path / "blender")
    assert not installed_blender.is_new_enough(Path(sys.executable))


@needs_scripts
@pytest.mark.skipif(sys.platform == "darwin", reason="Blenders lie elsewhere on macOS")
def test_a_blender_on_path_is_preferred_to_the_newest_installed(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for version in ("4.9.1", "4.10.0", "4.1.9"):
        stand_in(tmp_path / f"blender-{version}" / "blender", version)
    own = [path for path in installed_blender.candidates() if path.is_relative_to(tmp_path)]
    assert [path.parent.name for path in own] == ["blender-4.10.0", "blender-4.9.1", "blender-4.1.9"]
    assert next(installed_blender.candidates()) != stand_in(tmp_path / "bin" / "blender", "3.6.0")
    assert next(installed_blender.candidates()) == tmp_path / "bin" / "blender"
    found = installed_blender.find()
    assert found and found != tmp_path / "bin" / "blender"  # too old


@pytest.fixture
def without_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "find", lambda versions: None)


def options(data: Path, **more: object) -> argparse.Namespace:
    return argparse.Namespace(**{"data_folder": data, "blender": None, "complete": False, "pytest": []} | more)


@pytest.mark.usefixtures("without_module")
class TestWithoutBlendersModule:
    def test_the_demo_takes_an_installed_blender(self, tmp_path, monkeypatch):
        monkeypatch.setattr(installed_blender, "find", lambda: tmp_path / "blender")
        command = build.find_blender(options(tmp_path))
        assert command and command[0] == tmp_path / "blender" and command[-1] == "--python"

    def test_without_one_the_demo_names_in_one_line_what_it_leaves_out(self, tmp_path, monkeypatch, capsys):
        monkeypatch.setattr(installed_blender, "find", lambda: None)
        assert build.find_blender(options(tmp_path)) is None
        [line] = capsys.readouterr().out.splitlines()
        assert line.startswith("Left out: the scene, mesh.blend.") and "3.11" in line and "--blender" in line

    def test_a_named_program_that_is_no_blender_ends_the_demo(self, tmp_path):
        with pytest.raises(packages.SetupError, match="not a Blender"):
            build.find_blender(options(tmp_path, blender=tmp_path / "nothing"))

    @pytest.mark.parametrize("complete", [False, True])
    def test_the_tests_name_each_blender_that_is_missing_or_fail(self, complete, tmp_path, monkeypatch, capsys):
        ran: list[list] = []

        def run(command, **_) -> subprocess.CompletedProcess:
            ran.append(command)
            return subprocess.CompletedProcess(command, 0)

        monkeypatch.setattr(build, "make_backend", lambda *_: None)
        monkeypatch.setattr(subprocess, "run", run)
        if complete:
            with pytest.raises(packages.SetupError, match=re.escape("needs Python 3.11")):
                build.test(options(tmp_path, complete=True))
            assert not ran
        else:
            assert build.test(options(tmp_path)) == 0
            lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Left out:")]
            assert [re.findall(r"Blender (\d\.\d)\.", line)[0] for line in lines] == list(build.BLENDERS)
            assert {"-rs", "--no-fold-skipped"} < set(ran[-1])  # pytest names every check that it leaves out


def test_in_ci_no_blender_may_be_missing():
    assert "build.py test --complete" in (ROOT / ".ci" / "run").read_text("utf-8")


def block() -> Mesh:
    """A cube of side 0.6 whose four upright sides have the COLORS, grey above and below."""
    corners = np.array([[x, y, z] for x in (-0.3, 0.3) for y in (-0.3, 0.3) for z in (-0.3, 0.3)], np.float32)
    quads = np.array([[0, 4, 5, 1], [4, 6, 7, 5], [6, 2, 3, 7], [2, 0, 1, 3], [1, 5, 7, 3], [0, 2, 6, 4]])
    rgb = [COLORS["-y"], COLORS["+x"], COLORS["+y"], COLORS["-x"], (128, 128, 128), (128, 128, 128)]
    colors = np.repeat([[*color, 255] for color in rgb], 4, 0).astype(np.uint8)
    faces = [[4 * i + k for k in triangle] for i in range(6) for triangle in ((0, 1, 2), (0, 2, 3))]
    return Mesh(corners[quads].reshape(-1, 3), np.array(faces, np.int32), colors)


def test_without_blender_the_four_sides_are_drawn_and_a_glb_is_written(tmp_path):
    image = np.zeros((20, 30, 4), np.uint8)
    image[:, :] = 10, 20, 250, 255
    Image.fromarray(image).save(tmp_path / "image.png")
    save(block(), tmp_path / "mesh.ply")
    places = [tmp_path / name for name in ("image.png", "mesh.ply", "picture.png")]
    subprocess.run([sys.executable, ROOT / "demo" / "sides.py", *places], check=True, cwd=tmp_path)

    ply, glb = load(tmp_path / "mesh.ply"), load(tmp_path / "mesh.glb")
    assert np.allclose(ply.vertices, glb.vertices, atol=1e-6)
    assert np.abs(ply.vertex_colors.astype(int) - glb.vertex_colors).max() <= 1
    picture = np.array(Image.open(tmp_path / "picture.png")).astype(int)
    assert picture.shape == (sheet.PIXELS, 5 * sheet.PIXELS, 3)
    cells = [picture[:, i * sheet.PIXELS :][:, : sheet.PIXELS] for i in range(5)]
    middle = sheet.PIXELS // 2
    seen = [cell[middle, middle] for cell in cells]
    for color, expected in zip(seen, [(10, 20, 250), *COLORS.values()], strict=True):  # front, right, back, left
        assert np.abs(color - expected).max() <= 1
    for cell in cells[1:]:
        assert (cell[2, 2] == round(sheet.GREY * 255)).all()


def test_a_wide_picture_keeps_its_shape_on_grey():
    wide = np.zeros((10, 40, 4), np.float32)
    wide[..., :3], wide[..., 3] = (1, 0, 0), 0.5
    cell = sheet.fit(wide, 80)
    assert cell.shape == (80, 80, 4)
    assert np.allclose(cell[30:50, :, :3], (0.5 + sheet.GREY / 2, sheet.GREY / 2, sheet.GREY / 2))
    assert np.allclose(cell[:30], (*3 * [sheet.GREY], 1)) and np.allclose(cell[50:], (*3 * [sheet.GREY], 1))


def test_python_3_11_to_3_14_is_supported_and_documented_everywhere():
    versions = sorted(interpreters.VERSIONS)
    assert versions == [(3, 11), (3, 12), (3, 13), (3, 14)]
    assert packages.project(ROOT)["project"]["requires-python"] == ">=3.11,<3.15"
    assert "3.{11,12,13,14}" in (ROOT / ".ci" / "run").read_text("utf-8")
    assert "Python 3.11 to 3.14" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("trouble", ["", "The cut-out network cannot be downloaded"])
def test_a_ready_environment_only_gets_the_network_for_cut_outs(tmp_path, monkeypatch, capsys, trouble):
    asked = []
    monkeypatch.setattr(build.environment, "is_ready", lambda folder, groups: True)
    monkeypatch.setattr(build.environment, "install", lambda *_: asked.append("install"))
    monkeypatch.setattr(build.environment, "fetch_cutouts", lambda folder, *_: asked.append(folder) or trouble)
    chosen = options(tmp_path, run=build.demo)
    build.make_backend(chosen, "backend")
    assert asked == [chosen.data_folder] and capsys.readouterr().out.strip() == trouble

# SPDX-License-Identifier: GPL-3.0-or-later
"""The command evaluate: which objects and parameters, what it writes, and going on."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from backend.engines import MeshResult
from backend.evaluation import scoring
from backend.evaluation.benchmark import PHOTOGRAPH, app, choose_objects, choose_runs
from backend.interface.parameters import ParameterError
from backend.rendering.mesh import Mesh
from backend.training.meshes import is_validation

CORNERS = np.array([(0, 0, 0), (1, 0, 0), (0, 0.3, 0), (0, 0, 0.5)], np.float32)
FACES = np.int32([(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)])
NAMES = [name for name in (f"wedge{i}" for i in range(200)) if is_validation(name)][:4]


@pytest.fixture
def meshes(tmp_path: Path) -> Path:
    """Four validation objects and one for training."""
    folder = tmp_path / "meshes"
    folder.mkdir()
    other = next(name for name in (f"wedge{i}" for i in range(200)) if not is_validation(name))
    for name in (*NAMES, other):
        np.savez(folder / f"{name}.npz", vertices=CORNERS, faces=FACES, face_colors=np.full((4, 3, 3), 128, np.uint8))
    return folder


def test_the_first_objects_are_the_first_by_name_under_the_numbers_that_seed_them(meshes: Path):
    assert [(i, entry[0]) for i, entry in choose_objects(meshes, 2, True)] == list(enumerate(sorted(NAMES)))[:2]
    drawn = choose_objects(meshes, 3, False)
    assert [i for i, _ in drawn] == np.random.default_rng(3).permutation(4)[:3].tolist()
    assert all(entry[0] == sorted(NAMES)[i] for i, entry in drawn)


def test_textured_runs_have_what_artists_get_and_plain_ones_the_whole_surface():
    runs = choose_runs(["lrm", "one2345"], {"mesh_resolution": "96", "num_inference_steps": "7"}, textured=True)
    assert list(runs) == ["lrm", "lrm textured", "one2345", "one2345 textured"]
    plain, textured = runs["lrm"], runs["lrm textured"]
    assert (plain.parameters.texture, plain.parameters.max_faces, plain.input_size) == ("off", 200_000, 256)
    assert (textured.parameters.texture, textured.parameters.max_faces) == ("1024", 30_000)
    assert textured.input_size == PHOTOGRAPH and textured.parameters.mesh_resolution == 96
    assert runs["one2345"].parameters.num_inference_steps == 7  # which LRM has not
    assert choose_runs(["lrm"], {"texture": "512"}, textured=False)["lrm"].parameters.texture == "512"
    with pytest.raises(ParameterError):
        choose_runs(["lrm"], {"texture": "1"}, textured=False)


def test_scores_sheet_and_objects_are_written_and_an_evaluation_goes_on(meshes, tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGE_TO_MESH_WEIGHTS", str(tmp_path / "weights"))
    pictures = []

    class Engine:
        @staticmethod
        def run(request, _progress):
            pictures.append(request.inputs["image"])
            if len(pictures) == 3:
                raise KeyboardInterrupt
            return MeshResult(Mesh(CORNERS, FACES, np.full((4, 4), 255, np.uint8)), np.zeros((0, 1, 1, 4)), {})

    monkeypatch.setitem(scoring.ENGINES, "lrm", Engine)
    output = tmp_path / "out"
    command = ["--meshes", str(meshes), "--count", "3", "--first", "--engine", "lrm", "--output", str(output)]
    command += ["--no-true-views", "--no-baselines"]
    assert CliRunner().invoke(app, command).exit_code != 0
    assert len(pictures) == 3 and not (output / "scores.json").exists()
    done = CliRunner().invoke(app, [*command, "--resume"])
    assert done.exit_code == 0, done.output
    assert len(pictures) == 4  # two objects were there
    scores = json.loads((output / "scores.json").read_text())
    assert [each["name"] for each in scores["each"]] == sorted(NAMES)[:3]
    means = [each["lrm"]["ssim_sides"] for each in scores["each"]]
    assert scores["mean"]["lrm"]["ssim_sides"] == pytest.approx(np.mean(means))
    assert scores["better_than"] == {}
    from PIL import Image

    assert Image.open(output / "sheet.png").size == (8 * 128, 3 * 2 * 128)
    assert "Absent: LPIPS" in done.output and "train lpips" in done.output.replace("\n", " ")

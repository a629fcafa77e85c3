# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark's scores of baselines and of a perfect engine, against closed forms."""

import numpy as np
import pytest
import torch

from backend.engines import MeshResult
from backend.evaluation import scoring
from backend.evaluation.objects import to_mesh, turned
from backend.evaluation.scoring import Run, contact_sheet, evaluate_object
from backend.rendering.mesh import Mesh
from backend.training.meshes import load_mesh


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    """Scores of a regular octahedron whose corners lie 0.5 from its centre."""
    corners = np.concatenate([np.eye(3), -np.eye(3)]).astype(np.float32) / 2
    faces = [(0, 1, 2), (1, 3, 2), (3, 4, 2), (4, 0, 2), (1, 0, 5), (3, 1, 5), (4, 3, 5), (0, 4, 5)]
    path = tmp_path_factory.mktemp("meshes") / "octahedron.npz"
    np.savez(path, vertices=corners, faces=np.int32(faces), face_colors=np.full((8, 3, 3), 128, np.uint8))
    return evaluate_object(("octahedron", "", path), 0, {}).scores


def test_the_box_baseline_has_the_true_extent(scores):
    """A cube of side 1 around an octahedron of volume 1/6."""
    assert scores["box"]["volume_iou"] == pytest.approx(1 / 6, abs=0.01)


def test_the_scaled_box_has_its_corners_where_the_farthest_vertex_is(scores):
    """A cube of half side h = 0.5 / sqrt(3), of which the octahedron takes all but its corners: each (3 h - 0.5)^3 / 6
    less what sticks out of the cube of that, three times (2 h - 0.5)^3 / 6."""
    half = 0.5 / np.sqrt(3)
    common = (2 * half) ** 3 - 8 / 6 * ((3 * half - 0.5) ** 3 - 3 * (2 * half - 0.5) ** 3)
    assert scores["scaled box"]["volume_iou"] == pytest.approx(common / ((2 * half) ** 3 + 1 / 6 - common), abs=0.01)


def test_scores_ignore_position_and_size(tmp_path, monkeypatch):
    """A wedge, whose box has another middle once it is turned, comes back as it is but elsewhere and smaller."""
    corners = np.array([(0, 0, 0), (1, 0, 0), (0, 0.3, 0), (0, 0, 0.5)], np.float32)
    faces = np.int32([(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)])
    np.savez(tmp_path / "wedge.npz", vertices=corners, faces=faces, face_colors=np.full((4, 3, 3), 128, np.uint8))
    entry, index = ("wedge", "", tmp_path / "wedge.npz"), 5
    turn = np.random.default_rng([index, 11]).uniform(0, 360)

    class Perfect:
        @staticmethod
        def run(_request, _progress):
            mesh = to_mesh(turned(load_mesh(*entry), -turn))
            moved = Mesh(mesh.vertices * 0.7 + 0.1, mesh.faces, mesh.vertex_colors)
            return MeshResult(moved, np.zeros((0, 1, 1, 4), np.uint8), {})

    monkeypatch.setitem(scoring.ENGINES, "perfect", Perfect)
    found = evaluate_object(entry, index, {"perfect": Run("perfect", {})}, with_baselines=False)
    scores = found.scores["perfect"]
    assert set(found.scores) == {"perfect"}
    assert scores["volume_iou"] > 0.99 and scores["f_score_0.02"] == 1
    assert scores["psnr"] > 40
    assert scores["ssim_sides"] > 0.99 and scores["psnr_90"] > 30
    truth, mesh = found.sheet[: scoring.VIEW_SIZE], found.sheet[scoring.VIEW_SIZE :]
    assert truth.shape == mesh.shape == (scoring.VIEW_SIZE, 8 * scoring.VIEW_SIZE, 3)
    assert np.abs(truth - mesh).mean() < 0.01


def test_lrm_is_measured_with_its_own_estimates(monkeypatch, tmp_path):
    """Seed 0 for LRM, whatever the object; other engines take the object's number."""
    corners = np.array([(0, 0, 0), (1, 0, 0), (0, 0.3, 0), (0, 0, 0.5)], np.float32)
    faces = np.int32([(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)])
    np.savez(tmp_path / "wedge.npz", vertices=corners, faces=faces, face_colors=np.full((4, 3, 3), 128, np.uint8))
    seeds, sizes = {}, {}

    class Engine:
        @staticmethod
        def run(request, _progress):
            seeds[request.task], sizes[request.task] = request.seed, request.inputs["image"].shape
            colors = np.full((4, 4), 255, np.uint8)
            return MeshResult(Mesh(corners, faces, colors), np.zeros((0, 1, 1, 4), np.uint8), {})

    for name in ("lrm", "one2345"):
        monkeypatch.setitem(scoring.ENGINES, name, Engine)
    entry = ("wedge", "", tmp_path / "wedge.npz")
    evaluate_object(entry, 5, {"a": Run("lrm", {}), "b": Run("one2345", {}, 100)}, with_baselines=False)
    assert seeds == {"lrm": 0, "one2345": 5}
    assert sizes == {"lrm": (scoring.INPUT_SIZE,) * 2 + (4,), "one2345": (100, 100, 4)}


def test_features_and_clip_scores_are_those_of_the_eight_sides(monkeypatch, tmp_path):
    """A network whose feature is the mean colour: a white object on white has all sides alike."""
    corners = np.array([(0, 0, 0), (1, 0, 0), (0, 0.3, 0), (0, 0, 0.5)], np.float32)
    faces = np.int32([(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)])
    np.savez(tmp_path / "wedge.npz", vertices=corners, faces=faces, face_colors=np.zeros((4, 3, 3), np.uint8))

    class White:
        @staticmethod
        def run(_request, _progress):
            return MeshResult(Mesh(corners, faces), np.zeros((0, 1, 1, 4), np.uint8), {})

    monkeypatch.setitem(scoring.ENGINES, "white", White)
    mean = {"clip": lambda images: images.mean((2, 3)) * torch.tensor([1.0, 2, 3])}
    entry, runs = ("wedge", "", tmp_path / "wedge.npz"), {"white": Run("white", {})}
    found = evaluate_object(entry, 0, runs, extractors=mean, with_baselines=False)
    assert {name: values.shape for name, values in found.features.items()} == {
        "clip truth": (8, 3),
        "clip white": (8, 3),
        "clip picture": (1, 3),
    }
    np.testing.assert_allclose(found.features["clip white"], np.tile([1, 2, 3], (8, 1)), atol=1e-6)
    assert found.scores["white"]["clip_sides"] == pytest.approx(1)  # grey and white differ by a factor alone
    assert found.features["clip truth"][0, 2] < 3


def test_the_contact_sheet_has_a_row_for_each_method_and_means_of_pixels():
    board = np.tile(np.kron(np.eye(2), np.ones((1, 1))), (128, 128))[..., None] * np.ones(3)
    sheet = contact_sheet(
        {"truth": dict.fromkeys(range(0, 360, 15), board), "a": dict.fromkeys(range(0, 360, 15), 1 + 0 * board)}
    )
    assert sheet.shape == (256, 1024, 3)
    assert (sheet[:128] == 0.5).all() and (sheet[128:] == 1).all()

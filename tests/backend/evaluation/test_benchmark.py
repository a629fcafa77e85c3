# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark's scores of baselines and of a perfect engine, against closed forms."""

import numpy as np
import pytest

from backend.engines import MeshResult
from backend.evaluation import benchmark
from backend.evaluation.benchmark import evaluate_object, to_mesh, turned
from backend.rendering.mesh import Mesh
from backend.training.meshes import load_mesh


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    """Scores of a regular octahedron whose corners lie 0.5 from its centre."""
    corners = np.concatenate([np.eye(3), -np.eye(3)]).astype(np.float32) / 2
    faces = [(0, 1, 2), (1, 3, 2), (3, 4, 2), (4, 0, 2), (1, 0, 5), (3, 1, 5), (4, 3, 5), (0, 4, 5)]
    path = tmp_path_factory.mktemp("meshes") / "octahedron.npz"
    np.savez(path, vertices=corners, faces=np.int32(faces), face_colors=np.full((8, 3, 3), 128, np.uint8))
    return evaluate_object(("octahedron", "", path), 0, [], {}, true_views=False)[0]


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

    monkeypatch.setitem(benchmark.ENGINES, "perfect", Perfect)
    scores = evaluate_object(entry, index, ["perfect"], {"perfect": {}}, true_views=False)[0]["perfect"]
    assert scores["volume_iou"] > 0.99 and scores["f_score_0.02"] == 1
    assert scores["psnr"] > 40


def test_lrm_is_measured_with_its_own_estimates(monkeypatch, tmp_path):
    """Seed 0 for LRM, whatever the object; other engines take the object's number."""
    corners = np.array([(0, 0, 0), (1, 0, 0), (0, 0.3, 0), (0, 0, 0.5)], np.float32)
    faces = np.int32([(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)])
    np.savez(tmp_path / "wedge.npz", vertices=corners, faces=faces, face_colors=np.full((4, 3, 3), 128, np.uint8))
    seeds = {}

    class Engine:
        @staticmethod
        def run(request, _progress):
            seeds[request.task] = request.seed
            colors = np.full((4, 4), 255, np.uint8)
            return MeshResult(Mesh(corners, faces, colors), np.zeros((0, 1, 1, 4), np.uint8), {})

    for name in ("lrm", "one2345"):
        monkeypatch.setitem(benchmark.ENGINES, name, Engine)
    entry = ("wedge", "", tmp_path / "wedge.npz")
    evaluate_object(entry, 5, ["lrm", "one2345"], {"lrm": {}, "one2345": {}}, true_views=False)
    assert seeds == {"lrm": 0, "one2345": 5}

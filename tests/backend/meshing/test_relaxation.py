# SPDX-License-Identifier: GPL-3.0-or-later
"""Slivers of marching cubes and of decimation go; surface, edges and borders stay."""

import numpy as np
import pytest
import torch
import trimesh

from backend.meshing.clean import decimate
from backend.meshing.marching_cubes import extract
from backend.meshing.relaxation import relax
from backend.rendering.mesh import Mesh

RADIUS = 0.37


def slivers(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Share of triangles with an angle below 5 degrees, by trimesh."""
    angles = trimesh.Trimesh(vertices, faces, process=False).face_angles
    return float((np.degrees(angles.min(1)) < 5).mean())


@pytest.fixture(scope="module")
def ball() -> Mesh:
    vertices, faces = extract(lambda p: (p - torch.tensor([0.011, 0.007, 0.003])).norm(dim=1) - RADIUS, 64)
    return Mesh(vertices, faces, None)


def test_slivers_of_marching_cubes_go_and_the_ball_stays(ball: Mesh):
    assert slivers(ball.vertices, ball.faces) > 0.02
    moved = relax(ball.vertices, ball.faces)
    assert slivers(moved, ball.faces) < 0.001
    radius = np.linalg.norm(moved - [0.011, 0.007, 0.003], axis=1)
    assert np.abs(radius - RADIUS).max() < 0.02 * (1 / 64), "a fiftieth of a cell"


def test_a_decimated_mesh_has_few_slivers(ball: Mesh):
    less = decimate(ball, 4000)
    assert 3000 < len(less.faces) <= 4000 and slivers(less.vertices, less.faces) < 0.01
    assert np.abs(np.linalg.norm(less.vertices - [0.011, 0.007, 0.003], axis=1) - RADIUS).max() < 0.003


def test_edges_corners_and_borders_stay():
    box = trimesh.creation.box((1, 1, 1)).subdivide().subdivide().subdivide()
    moved = relax(box.vertices, box.faces)
    on_edge = (np.abs(np.abs(box.vertices) - 0.5) < 1e-9).sum(1) >= 2
    np.testing.assert_array_equal(moved[on_edge], box.vertices[on_edge])
    np.testing.assert_allclose(np.abs(moved).max(1), 0.5)
    sheet = box.faces[(box.vertices[box.faces][..., 2] > 0.499).all(1)]
    used = np.unique(sheet)
    moved = relax(box.vertices, sheet)
    border = used[on_edge[used]]
    np.testing.assert_array_equal(moved[border], box.vertices[border])

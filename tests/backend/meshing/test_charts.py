# SPDX-License-Identifier: GPL-3.0-or-later
"""Cutting surfaces into charts, against solids whose sides are known."""

import numpy as np
import pytest
import trimesh

from backend.meshing import charts
from backend.rendering.mesh import Mesh


def mesh_of(found: trimesh.Trimesh) -> Mesh:
    return Mesh(np.asarray(found.vertices, np.float32), np.asarray(found.faces), None)


@pytest.mark.parametrize(("times", "least"), [(0, 1.0), (4, 0.9)])
def test_a_box_has_its_six_sides_for_charts(times: int, least: float):
    """But for the faces in the corners of a fine one, as averaged normals round them off."""
    box = trimesh.creation.box((1, 2, 3))
    for _ in range(times):
        box = box.subdivide()
    mesh, sides = mesh_of(box), np.concatenate([np.eye(3), -np.eye(3)])
    chart, side = charts.cut(mesh), (box.face_normals @ sides.T).argmax(1)
    assert chart.max() == 5
    for k in range(6):
        area = np.bincount(side[chart == k], mesh.face_areas[chart == k])
        assert area.max() >= least * area.sum()


def test_charts_of_a_bumpy_ball_are_few_and_hang_together():
    ball = trimesh.creation.icosphere(4)
    bumps = 1 + 0.02 * np.sin(40 * ball.vertices).prod(1)
    ball = trimesh.Trimesh(ball.vertices * bumps[:, None], ball.faces)
    mesh = mesh_of(ball)
    chart = charts.cut(mesh)
    assert 6 <= chart.max() + 1 <= 12 and np.bincount(chart, mesh.face_areas).min() > 0.01 * mesh.face_areas.sum()
    for k in range(chart.max() + 1):
        assert (
            len(ball.submesh([np.flatnonzero(chart == k)], append=True, repair=False).split(only_watertight=False)) == 1
        )


def test_small_parts_join_the_neighbour_along_the_longest_border():
    """Part 1 is small, has a border of 3 with part 2 and one of 1 with part 0; part 3 has no neighbour."""
    pairs, length = np.array([[0, 1], [1, 2]]), np.array([1.0, 3.0])
    joined = charts.merge_small(np.arange(4), pairs, length, np.array([50, 0.1, 50, 0.1]))
    assert joined[1] == joined[2] != joined[0] and len(np.unique(joined)) == 3


def test_neighbours_share_an_edge():
    mesh = Mesh(np.array([[0, 0, 0], [3, 0, 0], [0, 4, 0], [3, 4, 0]], np.float32), [[0, 1, 2], [2, 1, 3]], None)
    pairs, length = charts.neighbours(mesh)
    assert pairs.tolist() == [[0, 1]] and length.tolist() == [5]


def test_faces_grow_by_one_ring_a_round():
    pairs = np.stack([np.arange(9), np.arange(1, 10)], 1)
    chosen = np.zeros(10, bool)
    chosen[4] = True
    assert np.flatnonzero(charts.grow(chosen, pairs, 2)).tolist() == [2, 3, 4, 5, 6] and chosen.sum() == 1

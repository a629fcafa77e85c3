# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
import trimesh

from backend.meshing.solid import topology


def test_vertices_are_welded_wherever_they_lie_on_the_grid():
    """Pairs half the distance apart, at random places and across the borders of the grid's cells."""
    random = np.random.default_rng(0)
    points = random.uniform(-1, 1, (300, 3))
    points[:100] = np.rint(points[:100] / (2 * topology.WELD)) * 2 * topology.WELD
    moved = points + random.uniform(-0.5, 0.5, points.shape) * topology.WELD
    welded = topology.weld(np.concatenate([points, moved]), np.arange(600).reshape(-1, 3)).ravel()
    assert np.array_equal(welded, np.tile(np.arange(300), 2))


def test_points_far_apart_stay_apart():
    points = np.arange(30).reshape(-1, 1) * np.full(3, 10 * topology.WELD)
    assert np.array_equal(topology.weld(points, np.arange(30).reshape(-1, 3)).ravel(), np.arange(30))


def test_patches_and_mates_agree_with_trimesh():
    shape = trimesh.util.concatenate(
        [trimesh.creation.box(), trimesh.creation.icosphere(1).apply_translation((3, 0, 0))]
    )
    faces = np.asarray(shape.faces, np.int64)
    assert topology.patches(faces).max() + 1 == shape.body_count == 2
    mates = topology.find_mates(np.asarray(shape.vertices), faces)
    pairs = {tuple(sorted((half // 3, mate // 3))) for half, mate in enumerate(mates)}
    assert pairs == {tuple(sorted(pair)) for pair in shape.face_adjacency.tolist()}


def test_a_moebius_strip_has_no_winding_and_stays_as_it_is():
    faces = np.array([[i, (i + 1) % 5, (i + 2) % 5] for i in range(5)])
    assert not topology.find_flipped(faces, np.ones(5)).all()
    assert topology.patches(faces).max() == 0


def test_loops_are_cut_where_they_touch():
    """Two triangles' rims that share vertex 0 are two loops, in whatever order the edges come."""
    edges = np.array([[0, 1], [1, 2], [2, 0], [0, 3], [3, 4], [4, 0]])
    for seed in range(6):
        shuffled = np.random.default_rng(seed).permutation(edges)
        loops = topology.find_loops(shuffled[:, 0], shuffled[:, 1])
        found = sorted(sorted(shuffled[loop, 0].tolist()) for loop in loops)
        assert found == [[0, 1, 2], [0, 3, 4]]


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]])
def test_four_faces_around_an_edge_are_paired_by_the_solid_between_them(order):
    """Wedges of 40 degrees about the edge 0-1, at 0 and at 180 degrees."""
    angles = np.radians([-20, 20, 160, 200])
    points = np.array([[0, 0, 0], [0, 0, 1], *np.stack([np.cos(angles), np.sin(angles), angles * 0], 1)])
    faces = np.array([[1, 0, 2], [0, 1, 3], [1, 0, 4], [0, 1, 5]])  # the solid lies behind each
    mates = topology.find_mates(points, faces[order])
    named = {(order[h // 3], order[m // 3]) for h, m in enumerate(mates) if m >= 0}
    assert named == {(0, 1), (1, 0), (2, 3), (3, 2)}

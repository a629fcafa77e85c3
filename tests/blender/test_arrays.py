# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
"""Edges as Blender wants them, without Blender: a tetrahedron by hand, and soups of triangles one by one."""

import numpy as np
import pytest
from image_to_mesh_checkout.addon.arrays import MeshArrays


def mesh(faces: list[tuple[int, int, int]] | np.ndarray) -> MeshArrays:
    faces = np.asarray(faces, np.int32)
    count = int(faces.max()) + 1
    return MeshArrays(np.zeros((count, 3), np.float32), faces, np.zeros((count, 4), np.uint8))


def test_a_tetrahedron_has_six_edges_in_order():
    edges, corners = mesh([(0, 1, 2), (0, 3, 1), (1, 3, 2), (2, 3, 0)]).topology
    assert edges.tolist() == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
    assert corners.tolist() == [0, 3, 1, 2, 4, 0, 4, 5, 3, 5, 2, 1]
    assert edges.dtype == corners.dtype == np.int32 and edges.flags.c_contiguous


@pytest.mark.parametrize("seed", range(5))
def test_every_corner_has_the_edge_to_the_next(seed: int):
    rng = np.random.default_rng(seed)
    faces = np.array([rng.choice(40, 3, replace=False) for _ in range(100)], np.int32)
    edges, corners = mesh(faces).topology
    expected = [tuple(sorted((int(f[i]), int(f[(i + 1) % 3])))) for f in faces for i in range(3)]
    assert [tuple(edges[e].tolist()) for e in corners] == expected
    assert sorted(map(tuple, edges.tolist())) == sorted(set(expected))


def test_numbers_of_vertices_do_not_run_over():
    big = 2**31 - 1
    arrays = MeshArrays(
        np.zeros((0, 3), np.float32), np.array([(big, 0, big - 1)], np.int32), np.zeros((0, 4), np.uint8)
    )
    edges, corners = arrays.topology
    assert edges.tolist() == [[0, big - 1], [0, big], [big - 1, big]] and corners.tolist() == [1, 0, 2]

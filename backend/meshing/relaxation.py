# SPDX-License-Identifier: GPL-3.0-or-later
"""Fewer slivers: vertices slide within the surface to the middle of their neighbours."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

ROUNDS, STEP = 2, 0.5  # times, and the share of the way to the middle
FLAT = 0.95  # length of the mean of the normals around a vertex below which it stays: edges and corners


def relax(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """The vertices (N, 3) of faces (M, 3), moved within the planes across their normals. Edges, corners and the borders
    of open surfaces stay as they are."""
    places, count = vertices.astype(np.float64), len(vertices)
    ends = faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    ends = np.concatenate([ends, ends[:, ::-1]])
    around = csr_array((np.ones(len(ends)), ends.T), shape=(count, count))
    entries, degree = around.tocoo(), np.maximum(around.sum(1), 1)[:, None]
    on_border = np.bincount(entries.row, entries.data != 2, minlength=count) > 0  # inner edges have two faces
    for _ in range(ROUNDS):
        a, b, c = places[faces].transpose(1, 0, 2)
        across = np.cross(b - a, c - a)
        normal, size = sum_at(faces, across, count), sum_at(faces, np.linalg.norm(across, axis=1)[:, None], count)
        length = np.linalg.norm(normal, axis=1, keepdims=True)
        normal /= np.maximum(length, 1e-20)
        way = around @ places / degree - places
        way -= (way * normal).sum(1, keepdims=True) * normal
        places += STEP * way * ((length > FLAT * size) & ~on_border[:, None])
    return places.astype(vertices.dtype)


def sum_at(faces: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """For each vertex, the sum of its faces' values (M, C) -> (count, C)."""
    corner = faces.reshape(-1)
    return np.stack([np.bincount(corner, np.repeat(column, 3), minlength=count) for column in values.T], 1)

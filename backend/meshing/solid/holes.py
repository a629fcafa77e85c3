# SPDX-License-Identifier: GPL-3.0-or-later
"""Closing holes with the triangles of least area (Barequet and Sharir, "Filling gaps in the boundary of a polyhedron",
1995)."""

from __future__ import annotations

import numpy as np

from .topology import find_loops, find_mates, half_edges

MOST = 600  # vertices of a rim that is filled by the optimal triangles; the work grows with their cube
SHEET = 0.75  # of a patch's area: a lid as large as this would only lie on the other side of a flat sheet


def close_holes(
    vertices: np.ndarray, faces: np.ndarray, patch: np.ndarray, largest: float
) -> tuple[np.ndarray, np.ndarray]:
    """Lids (K, 3) for holes whose rim is no longer than a circle of the diameter `largest`, and for every one of their
    triangles the face beside it (K,). patch (M,): of every face, wound in one way; a sheet gets no lid."""
    start, end = half_edges(faces)
    rim = np.flatnonzero(find_mates(vertices, faces) < 0)
    areas = np.bincount(patch, area_of(vertices, faces))
    lids, beside = [], []
    for loop in find_loops(end[rim], start[rim]):
        corners = end[rim[loop]]
        if len(loop) < 3 or perimeter(vertices[corners]) > np.pi * largest:
            continue
        lid, near = fill(vertices[corners])
        owner = rim[loop] // 3
        if area_of(vertices, corners[lid]).sum() < SHEET * areas[np.unique(patch[owner])].sum():
            lids.append(corners[lid])
            beside.append(owner[near])
    if not lids:
        return np.zeros((0, 3), faces.dtype), np.zeros(0, np.int64)
    return np.concatenate(lids), np.concatenate(beside)


def fill(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Triangles (n - 2, 3) of a closed polygon of points (n, 3), in its direction; for each one, an edge of the polygon
    near it (n - 2,). By dynamic programming over the polygon's spans, all of one length at a time."""
    count = len(points)
    if count > MOST:
        return fill_by_halves(points)
    cost, middle = np.zeros((count, count)), np.zeros((count, count), np.int64)
    for length in range(2, count):
        low = np.arange(count - length)[:, None]
        high, between = low + length, low + np.arange(1, length)
        area = np.linalg.norm(np.cross(points[between] - points[low], points[high] - points[low]), axis=-1)
        total = cost[low, between] + cost[between, high] + area
        best = total.argmin(1)
        rows = np.arange(len(low))
        cost[rows, rows + length], middle[rows, rows + length] = total[rows, best], best + rows + 1
    triangles, spans = [], [(0, count - 1)]
    while spans:
        low, high = spans.pop()
        if high - low > 1:
            between = middle[low, high]
            triangles.append((low, between, high))
            spans += [(low, between), (between, high)]
    found = np.array(triangles)
    return found, found[:, 0]


def fill_by_halves(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`fill` for a long rim, cut between its first vertex and the nearest one of its middle third."""
    count = len(points)
    third = np.arange(count // 3, 2 * count // 3)
    cut = int(third[np.linalg.norm(points[third] - points[0], axis=1).argmin()])
    parts = [np.arange(cut + 1), np.append(np.arange(cut, count), 0)]
    filled = [fill(points[part]) for part in parts]
    return (
        np.concatenate([part[lid] for part, (lid, _) in zip(parts, filled, strict=True)]),
        np.concatenate([part[near] for part, (_, near) in zip(parts, filled, strict=True)]),
    )


def perimeter(points: np.ndarray) -> float:
    return float(np.linalg.norm(points - np.roll(points, 1, 0), axis=1).sum())


def area_of(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area of every face (M,)."""
    a, b, c = vertices[faces].transpose(1, 0, 2)
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2

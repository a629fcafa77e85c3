# SPDX-License-Identifier: GPL-3.0-or-later
"""Placing flat charts in a square texture: the largest first, each turned by quarters, where it lies lowest."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.ndimage import binary_dilation

CELL = 4  # texels a side; charts are placed by whole cells, and keep one or two between them
FINE = 2  # samples a side of a cell that tell whether a chart covers it
CHUNK = 1 << 18  # texels rasterised at once
FULLEST, SMALLER = 0.85, 0.97  # width of the texture that charts fill at first, and then from try to try
MOST_FILLED = 0.95  # share of the cells that charts and what they keep free can fill, at most
SLOPES = 1.0, 0.01  # from a corner on, and row by row
BAND = 32  # rows searched at once
LEAST = 1e-9  # a weight may be negative by this much at an edge


def pack(chart: np.ndarray, flat: np.ndarray, side: int) -> np.ndarray:
    """UV coordinates float32 (M, 3, 2), u to the right, v up, of the faces of charts (M,) whose corners lie at
    (M, 3, 2) in the planes of the charts. All charts keep their size to each other, and do not overlap."""
    order = np.argsort(chart, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(chart))[:-1])
    members.sort(key=lambda faces: -np.ptp(flat[faces], axis=(0, 1)).prod())
    cells = max(side // CELL, 16)
    size = FULLEST * cells / np.sqrt(np.abs(signed_areas(flat)).sum())  # cells per unit of length
    placed = None
    while placed is None:
        scaled = [
            (flat[faces] - flat[faces].min((0, 1))) * size + 1 for faces in members
        ]  # a cell on each side is free
        masks = covered_cells(scaled)
        if sum(int(mask.sum()) for mask in masks) <= MOST_FILLED * cells**2:
            placed = next((found for found in (place(scaled, masks, cells, slope) for slope in SLOPES) if found), None)
        size *= SMALLER
    uv = np.zeros((len(chart), 3, 2), np.float32)
    for faces, corners in zip(members, placed, strict=True):
        uv[faces] = corners / cells
    return uv


def place(charts: list[np.ndarray], masks: list[np.ndarray], cells: int, slope: float) -> list[np.ndarray] | None:
    """The corners (K, 3, 2) of charts that need the cells `masks`, in cells, moved and turned into a square of so many
    cells, each as low and as far left as it can be, where a column counts as `slope` rows; None if there is no room."""
    taken, free, placed = np.zeros((cells, cells), bool), free_runs(np.zeros((cells, cells), bool)), []
    for corners, mask in zip(charts, masks, strict=True):
        best, seen = None, []
        for quarter in range(4):
            turned = np.rot90(mask, quarter)
            if any(np.array_equal(turned, other) for other in seen):
                continue
            seen.append(turned)
            extent = turned.shape[0] + slope * turned.shape[1]
            row, column = lowest_place(free, turned, slope, np.inf if best is None else best[0] - extent)
            if row >= 0:
                best = row + slope * column + extent, quarter, row, column
        if best is None:
            return None
        _, quarter, row, column = best
        height, width = mask.shape
        for _ in range(quarter):
            corners, width, height = np.stack([height - corners[..., 1], corners[..., 0]], -1), height, width
        rows = slice(row, row + height)
        taken[rows, column : column + width] |= np.rot90(mask, quarter)
        free[rows] = free_runs(taken[rows])
        placed.append(corners + np.array([column, cells - row - height]))
    return placed


def free_runs(taken: np.ndarray) -> np.ndarray:
    """For each cell of rows (H, W), the number of cells from it to the right up to the first taken one, int16."""
    width = taken.shape[1]
    column = np.arange(width, dtype=np.int16)
    end = np.where(taken, column, np.int16(width))
    return np.minimum.accumulate(end[:, ::-1], axis=1)[:, ::-1] - column


def lowest_place(free: np.ndarray, mask: np.ndarray, slope: float, below: float = np.inf) -> tuple[int, int]:
    """The first row and column at which a chart's cells (H, W) fit into the free runs (S, S) of a square; -1 if there
    are none, or none where row + slope * column is less than `below`."""
    height, width = mask.shape
    rows, columns = free.shape[0] - height + 1, free.shape[1] - width + 1
    best = -1, -1
    if columns < 1:
        return best
    runs = runs_of(mask)
    for first in range(0, rows, BAND):
        if first >= below:
            break
        last = min(first + BAND, rows)
        fits = np.ones((last - first, columns), bool)
        for row, column, length in runs:
            fits &= free[first + row : last + row, column : column + columns] >= length
            if not fits.any():
                break
        else:
            row, column = np.nonzero(fits)
            cost = first + row + slope * column
            k = cost.argmin()
            if cost[k] < below:
                below, best = cost[k], (first + int(row[k]), int(column[k]))
    return best


def runs_of(mask: np.ndarray) -> list[tuple[int, int, int]]:
    """Row, first column and length of the runs of a mask's cells, the longest first, which fit in the fewest places."""
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    (row, first), (_, end) = np.nonzero(edges == 1), np.nonzero(edges == -1)
    order = np.argsort(first - end, kind="stable")
    return list(zip(row[order].tolist(), first[order].tolist(), (end - first)[order].tolist(), strict=True))


def covered_cells(charts: list[np.ndarray]) -> list[np.ndarray]:
    """The cells (H, W) that charts (K, 3, 2) need, first row on top: those they cover, and those around them."""
    corners, home = np.concatenate(charts), np.repeat(np.arange(len(charts)), [len(c) for c in charts])
    size = np.array([np.ceil(c.max((0, 1))).astype(int) + 1 for c in charts])
    start = np.cumsum(size.prod(1)) - size.prod(1)
    flat = np.zeros(size.prod(1).sum(), bool)

    def mark(column: np.ndarray, up: np.ndarray, chart: np.ndarray) -> None:
        flat[start[chart] + (size[chart, 1] - 1 - up) * size[chart, 0] + column] = True

    for row, column, face, _ in texels_in(corners * FINE):
        mark(column // FINE, row // FINE, home[face])
    column, up = np.floor(corners.reshape(-1, 2)).astype(int).T
    mark(column, up, np.repeat(home, 3))  # slivers may cover no sample
    parts = (flat[i : i + w * h].reshape(h, w) for i, (w, h) in zip(start, size, strict=True))
    return [binary_dilation(part, np.ones((3, 3))) for part in parts]


def signed_areas(flat: np.ndarray) -> np.ndarray:
    """Areas (M,) of triangles (M, 3, 2), negative where they are turned over."""
    return cross(flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]) / 2


def rasterise_uv(uv: np.ndarray, side: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, int]]:
    """Rasterise faces with UV coordinates (M, 3, 2) into a square texture, first row on top, in chunks.

    Yields flat indices (K,) of the texels whose centre lies in a face, the faces (K,), barycentric weights (K, 3), and
    the number of faces done.
    """
    corners = uv.astype(np.float64) * [side, -side] + [0, side]  # column and row of every corner
    for row, column, face, weight in texels_in(corners):
        within = (row >= 0) & (row < side) & (column >= 0) & (column < side)
        done = int(face[-1]) + 1 if len(face) else 0
        yield (row * side + column)[within], face[within], weight[within], done


def texels_in(corners: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Rasterise triangles (M, 3, 2), in texels, (x, y), in chunks.

    Yields rows (K,), which are y, and columns (K,) of the texels whose centre lies in a triangle, the triangles (K,)
    and barycentric weights (K, 3).
    """
    first = np.ceil(corners.min(1) - 0.5).astype(np.int64)
    shape = (np.floor(corners.max(1) - 0.5).astype(np.int64) - first + 1).clip(0)
    count = shape.prod(1)
    origin, along, aside = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    whole = cross(along, aside)
    whole = np.where(whole == 0, np.nan, whole)[:, None]
    to_b, to_c = aside[:, ::-1] * [1, -1] / whole, along[:, ::-1] * [-1, 1] / whole
    part = np.cumsum(count) // CHUNK
    for faces in np.split(np.arange(len(corners)), np.flatnonzero(np.diff(part)) + 1):
        face = np.repeat(faces, count[faces])
        within_box = np.arange(len(face)) - np.repeat(np.cumsum(count[faces]) - count[faces], count[faces])
        column, row = np.divmod(within_box, np.maximum(shape[face, 1], 1)) + first[face].T
        x, y = column + 0.5 - origin[face, 0], row + 0.5 - origin[face, 1]
        b = x * to_b[face, 0] + y * to_b[face, 1]
        c = x * to_c[face, 0] + y * to_c[face, 1]
        hit = (b >= -LEAST) & (c >= -LEAST) & (b + c <= 1 + LEAST)
        b, c = b[hit], c[hit]
        yield row[hit], column[hit], face[hit], np.stack([1 - b - c, b, c], 1)


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cross product of vectors in the plane (K, 2) -> (K,)."""
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]

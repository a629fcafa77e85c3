# SPDX-License-Identifier: GPL-3.0-or-later
"""Placing flat charts in a square texture: the largest first, each turned by quarters, where it lies lowest."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.ndimage import binary_dilation
from scipy.signal import oaconvolve

CELL = 4  # texels a side; charts are placed by whole cells, and keep one or two between them
CHUNK = 1 << 20  # texels rasterised at once
FULLEST, SMALLER = 0.85, 0.97  # width of the texture that charts fill at first, and then from try to try
SLOPES = 1.0, 0.01  # from a corner on, and row by row


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
        scaled = [flat[faces] * size for faces in members]
        placed = next((found for found in (place(scaled, cells, slope) for slope in SLOPES) if found), None)
        size *= SMALLER
    uv = np.zeros((len(chart), 3, 2), np.float32)
    for faces, corners in zip(members, placed, strict=True):
        uv[faces] = corners / cells
    return uv


def place(charts: list[np.ndarray], cells: int, slope: float) -> list[np.ndarray] | None:
    """The corners (K, 3, 2) of charts, in cells, moved and turned into a square of so many cells, each as low and as
    far left as it can be, where a column counts as `slope` rows; None if there is no room."""
    taken, placed = np.zeros((cells, cells), np.float32), []
    for corners in charts:
        corners = corners - corners.min((0, 1)) + 1  # a cell on each side stays free
        width, height = np.ceil(corners.max((0, 1))).astype(int) + 1
        if max(width, height) > cells:
            return None
        mask, best = covered_cells(corners, width, height), None
        for quarter in range(4):
            row, column = lowest_place(taken, np.rot90(mask, quarter), slope)
            reach = row + mask.shape[quarter % 2] + slope * (column + mask.shape[1 - quarter % 2])
            if row >= 0 and (best is None or reach < best[0]):
                best = reach, quarter, row, column
        if best is None:
            return None
        _, quarter, row, column = best
        for _ in range(quarter):
            corners, width, height = np.stack([height - corners[..., 1], corners[..., 0]], -1), height, width
        turned = np.rot90(mask, quarter)
        taken[row : row + height, column : column + width] += turned
        placed.append(corners + np.array([column, cells - row - height]))
    return placed


def lowest_place(taken: np.ndarray, mask: np.ndarray, slope: float) -> tuple[int, int]:
    """The first row and column at which a chart's cells (H, W) overlap none that are taken; -1 if there are none. A
    column counts as `slope` rows."""
    if mask.shape[0] > len(taken) or mask.shape[1] > len(taken):
        return -1, -1
    hits = oaconvolve(taken, mask[::-1, ::-1].astype(np.float32), mode="valid")
    rows, columns = np.nonzero(hits < 0.5)
    if not len(rows):
        return -1, -1
    best = (rows + slope * columns).argmin()
    return int(rows[best]), int(columns[best])


def covered_cells(corners: np.ndarray, width: int, height: int) -> np.ndarray:
    """The cells (height, width) that a chart needs, first row on top: those it covers, and those around them."""
    square = max(width, height)
    mask = np.zeros((square, square), bool)
    for texel, *_ in rasterise_uv(corners / square, square * CELL):
        row, column = np.divmod(texel, square * CELL)
        mask[row // CELL, column // CELL] = True
    column, row = np.floor(corners.reshape(-1, 2)).astype(int).T
    mask[square - 1 - row, column] = True  # slivers may cover no texel's centre
    return binary_dilation(mask, np.ones((3, 3)))[square - height :, :width]


def signed_areas(flat: np.ndarray) -> np.ndarray:
    """Areas (M,) of triangles (M, 3, 2), negative where they are turned over."""
    return cross(flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]) / 2


def rasterise_uv(uv: np.ndarray, side: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, int]]:
    """Rasterise faces with UV coordinates (M, 3, 2) into a square texture, first row on top, in chunks.

    Yields flat indices (K,) of the texels whose centre lies in a face, the faces (K,), barycentric weights (K, 3), and
    the number of faces done.
    """
    corners = uv.astype(np.float64) * [side, -side] + [0, side]  # column and row of every corner
    first = np.ceil(corners.min(1) - 0.5).clip(0).astype(np.int64)
    shape = (np.floor(corners.max(1) - 0.5).clip(max=side - 1).astype(np.int64) - first + 1).clip(0)
    count = shape.prod(1)
    part = np.cumsum(count) // CHUNK
    for faces in np.split(np.arange(len(uv)), np.flatnonzero(np.diff(part)) + 1):
        face = np.repeat(faces, count[faces])
        within_box = np.arange(len(face)) - np.repeat(np.cumsum(count[faces]) - count[faces], count[faces])
        column, row = np.divmod(within_box, np.maximum(shape[face, 1], 1)) + first[face].T
        a, b, c = corners[face].transpose(1, 0, 2)
        centre = np.stack([column, row], 1) + 0.5
        a, b, c = a - centre, b - centre, c - centre
        areas = np.stack([cross(b, c), cross(c, a), cross(a, b)], 1)
        whole = areas.sum(1, keepdims=True)
        weight = areas / np.where(whole == 0, np.nan, whole)
        hit = (weight >= -1e-9).all(1)
        yield row[hit] * side + column[hit], face[hit], weight[hit], int(faces[-1]) + 1 if len(faces) else 0


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cross product of vectors in the plane (K, 2) -> (K,)."""
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]

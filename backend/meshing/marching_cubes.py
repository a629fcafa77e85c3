# SPDX-License-Identifier: GPL-3.0-or-later
"""Marching cubes with coarse-to-fine evaluation: the cost grows with the surface, not with the volume."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from torch import Tensor

CHUNK = 1 << 17  # points per call of the field


def extract(
    field: Callable[[Tensor], Tensor],
    resolution: int,
    bounds: tuple[float, float] = (-0.5, 0.5),
    level: float = 0.0,
    inside: Literal["negative", "positive"] = "negative",
    coarse: int = 32,
    device: torch.device | str = "cpu",
    first: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Extract the surface field = level -> vertices float32 (N, 3), faces int32 (M, 3), normals outward.

    From pass to pass only cells on the surface are halved, and the surface is followed wherever it leaves them. The
    mesh equals that of the dense grid when every connected piece of the surface shows a change of sign in the first
    pass, or in the second within one first-pass cell of one that does. Only a piece (or hole) that is thinner than
    1 / coarse of the cube can be missed; near the rest, than half of that.
    Raises ValueError when the field's values are not finite.

    Args:
        field: points float32 (K, 3) on `device` -> values (K,).
        resolution: cells per side.
        bounds: of the cube.
        level: value of the surface.
        inside: sign of value - level inside the solid.
        coarse: minimum number of cells per side in the first pass; `resolution` or more evaluates every point.
        device: of the points.
        first: values (C, C, C) of the first pass, if they are known; ignored when it has other points.
    """
    grid = sample(field, resolution, bounds, level, coarse, device, first)
    vertices, faces = triangulate(grid, level)
    low, high = bounds
    vertices = low + vertices * ((high - low) / resolution)
    return vertices.astype(np.float32), faces[:, ::-1].copy() if inside == "negative" else faces


def sample(
    field: Callable[[Tensor], Tensor],
    resolution: int,
    bounds: tuple[float, float],
    level: float,
    coarse: int,
    device: torch.device | str,
    first: np.ndarray | None = None,
) -> np.ndarray:
    """Values float32 (R+1, R+1, R+1), exact around the surface; elsewhere only their side of the level is right."""
    largest = 1
    while resolution // (2 * largest) >= coarse:
        largest *= 2
    step = largest
    axis = torch.linspace(bounds[0], bounds[1], resolution + 1)
    ticks = _ticks(resolution, step)
    values = np.zeros((len(ticks),) * 3, np.float32)
    known = np.zeros(values.shape, bool)
    if first is not None and first.shape == values.shape:
        values, known = first.astype(np.float32), np.ones_like(known)
    else:
        _evaluate(field, axis[ticks], ~known, values, known, device)
    while step > 1:
        near = _mixed(values <= level)
        if step == largest:
            near = _cells_at(_corners_of(near))  # one more cell on every side
        coarse_ticks, step = ticks, step // 2
        ticks = _ticks(resolution, step)
        parent = np.searchsorted(coarse_ticks, ticks, side="right") - 1  # the last coarse tick not after each tick
        exact = coarse_ticks[parent] == ticks
        was_known, known = known, np.zeros((len(ticks),) * 3, bool)
        known[np.ix_(exact, exact, exact)] = was_known
        values = _spread(values, parent)
        last = len(coarse_ticks) - 2  # a tick is a corner of cells left and right of it
        needed = _spread(near, np.maximum(parent - exact, 0), np.minimum(parent, last))
        while (needed := needed & ~known).any():
            _evaluate(field, axis[ticks], needed, values, known, device)
            needed = _corners_of(_mixed(values <= level))  # the surface may have left the cells that were evaluated
    return values


def triangulate(grid: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Marching cubes -> vertices float64 (N, 3) in index units and faces int32 (M, 3), normals towards smaller values.

    Uses PyMCubes, or scikit-image where PyMCubes has no wheel (Python 3.13 and later).
    """
    below = grid <= level
    below ^= below[0, 0, 0]
    spans = [np.flatnonzero(below.any(others)) for others in ((1, 2), (0, 2), (0, 1))]
    if not len(spans[0]):
        return np.zeros((0, 3)), np.zeros((0, 3), np.int32)
    first = [max(int(span[0]) - 1, 0) for span in spans]  # the rest holds no surface
    grid = grid[tuple(slice(i, int(span[-1]) + 2) for i, span in zip(first, spans, strict=True))]
    try:
        from mcubes import marching_cubes
    except ImportError:
        from skimage.measure import marching_cubes

        vertices, faces, _, _ = marching_cubes(grid, level, gradient_direction="ascent")
    else:
        vertices, faces = marching_cubes(grid, level)
    return vertices + np.array(first, np.float64), faces.astype(np.int32)


def _ticks(resolution: int, step: int) -> np.ndarray:
    """Grid indices 0, step, 2 step, ..., resolution; the last cell may be shorter."""
    return np.unique(np.append(np.arange(0, resolution, step), resolution))


def _spread(grid: np.ndarray, *indices: np.ndarray) -> np.ndarray:
    """grid[i, i, i] for index arrays i; several arrays are combined by logical or along each axis."""
    for axis in (2, 1, 0):  # the cheapest axis to copy comes last, when the grid is largest
        parts = [grid.take(index, axis) for index in indices]
        for part in parts[1:]:
            parts[0] |= part
        grid = parts[0]
    return grid


def _evaluate(field, axis: Tensor, needed: np.ndarray, values: np.ndarray, known: np.ndarray, device) -> None:
    """Evaluate the field at the `needed` grid points and mark them known."""
    index = np.argwhere(needed)
    for part in np.array_split(index, max(1, -(-len(index) // CHUNK))):
        with torch.no_grad():
            result = field(axis[torch.from_numpy(part)].to(device)).reshape(-1).float().cpu().numpy()
        if not np.isfinite(result).all():
            raise ValueError("The field has values that are not numbers, so it has no surface. Try another seed.")
        values[tuple(part.T)] = result
    known |= needed


def _mixed(below: np.ndarray) -> np.ndarray:
    """Cells with corners on both sides of the level."""
    return _cells_at(below) & _cells_at(~below)


def _cells_at(points: np.ndarray) -> np.ndarray:
    """Cells with any of these points as a corner."""
    cells = points[1:] | points[:-1]
    cells = cells[:, 1:] | cells[:, :-1]
    return cells[:, :, 1:] | cells[:, :, :-1]


def _corners_of(cells: np.ndarray) -> np.ndarray:
    """Corner points of these cells."""
    return _cells_at(np.pad(cells, 1))

# SPDX-License-Identifier: GPL-3.0-or-later
"""Extraction of a coloured mesh from a field."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ..meshing.clean import decimate, keep_components, remove_degenerate
from ..meshing.marching_cubes import extract
from ..rendering.mesh import Mesh
from ..runtime.images import to_bytes
from .field import Field

Value = Callable[[Tensor], Tensor]  # points (P, 3) -> (P,)

CHUNK = 1 << 16  # points evaluated at once
MIN_PIECE = 0.03  # of the largest piece's volume; smaller pieces are floaters
MARGIN = 1.02  # of the field's cube, so that marching cubes closes surfaces at the border


def to_mesh(
    field: Field,
    resolution: int = 128,
    max_faces: int = 0,
    smallest: float = MIN_PIECE,
    level: float | None = None,
    decode: Callable[[Tensor], Tensor] | None = None,
    correct: Callable[[Value], Value] | None = None,
) -> Mesh:
    """Extract the surface of a field as a coloured mesh, which may be empty.

    Args:
        field: the field.
        resolution: marching cubes cells per side.
        max_faces: decimate to about this many faces; 0 keeps all.
        smallest: remove pieces below this fraction of the largest one's volume.
        level: value of the surface; the field's own if None.
        decode: latents (P, C) -> RGB (P, 3) in 0..1; without it a field of latents is grey.
        correct: wraps the field's value before the surface is extracted.
    """
    device = next(field.parameters()).device
    level = field.level if level is None else level
    was_training = field.training
    field.eval()
    try:
        value = partial(closed, field)
        vertices, faces = extract(
            correct(value) if correct else value,
            resolution,
            (field.bounds[0] * MARGIN, field.bounds[1] * MARGIN),
            level,
            "negative" if field.is_sdf else "positive",
            device=device,
        )
        mesh = remove_degenerate(keep_components(Mesh(vertices, faces), smallest))
        mesh.vertex_colors = vertex_colors(field, mesh.vertices, decode, device)
    finally:
        field.train(was_training)
    return decimate(mesh, max_faces)


def closed(field: Field, points: Tensor) -> Tensor:
    """The field's value (P,), intersected with its cube, so that surfaces are closed at the border."""
    value = torch.cat([field.value(part) for part in points.split(CHUNK)])
    if not field.is_sdf:
        return value
    low, high = field.bounds
    wall = torch.maximum(low - points, points - high).amax(-1)  # signed distance of the cube, near it
    return torch.maximum(value, wall)


def vertex_colors(
    field: Field, vertices: np.ndarray, decode: Callable[[Tensor], Tensor] | None, device: torch.device
) -> np.ndarray:
    """Colours uint8 RGBA (N, 4) of the field at vertices (N, 3)."""
    points = torch.from_numpy(vertices).to(device)
    with torch.no_grad():
        color = torch.cat([field.color(part) for part in points.split(CHUNK)]) if len(points) else points
        if field.channels != 3:
            color = torch.full_like(points, 0.5) if decode is None else decode(color)
    rgb = to_bytes(color)
    return np.concatenate([rgb, np.full((len(rgb), 1), 255, np.uint8)], axis=1)

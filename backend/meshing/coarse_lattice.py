# SPDX-License-Identifier: GPL-3.0-or-later
"""A field's values at the points of a coarse lattice: what lies far from its surface need not be asked again."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Field = Callable[[Tensor], Tensor]


def lattice_points(half: float, cells: int, device: torch.device | str = "cpu") -> Tensor:
    """The corners ((C + 1)^3, 3) of the cells of a cube from -half to half, z the fastest."""
    axis = torch.linspace(-half, half, cells + 1)
    return torch.cartesian_prod(axis, axis, axis).to(device)


def exact_near_surface(field: Field, values: Tensor, half: float, width: float) -> Field:
    """A signed distance, points (N, 3) -> (N,), that is interpolated between its `values` (C + 1, C + 1, C + 1) at a
    lattice from -half to half wherever these say that the surface is farther than `width`. Outside of the lattice, the
    value of its border counts.

    A distance between the corners of a cell is off by at most half of the cell's diagonal, so that with a `width` of
    that the surface stays where it is.
    """
    volume = values[None, None]

    def banded(points: Tensor) -> Tensor:
        places = points.flip(-1)[None, None, None] / half
        rough = F.grid_sample(volume, places, padding_mode="border", align_corners=True)[0, 0, 0, 0]
        near = (rough.abs() < width) & ~at_corners(points, half, len(values) - 1)
        rough[near] = field(points[near])
        return rough

    return banded


def at_corners(points: Tensor, half: float, cells: int) -> Tensor:
    """Whether each point (N, 3) is a corner of a cell of the lattice."""
    index = (points / half + 1) * (cells / 2)
    return ((index - index.round()).abs().amax(-1) < 1e-4) & (points.abs().amax(-1) <= half * (1 + 1e-6))

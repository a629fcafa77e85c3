# SPDX-License-Identifier: GPL-3.0-or-later
"""The solid that a density field looks like from outside. Nobody ever saw what the density is deep inside."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .field import Field

SEEN = 0.25  # optical depth at the surface: outlines, seen through much of it, show more than the first of a fog
CHUNK = 1 << 16  # points evaluated at once


class Solid(Field):
    """value: the least optical depth of `field` between a point and the outside, along the six axes' directions.

    It grows inwards from every visible surface, whatever the density inside is, so there are no caves where nobody
    ever looked. Measured once on a grid of `resolution` cells a side; no gradients.
    """

    def __init__(self, field: Field, resolution: int = 128) -> None:
        super().__init__(field.channels, field.bounds, SEEN)
        self._field = [field]  # in a list: it is not a part of this module
        depth = least_depth(density_grid(field, resolution), field.bounds)
        self.depth = nn.Parameter(depth, requires_grad=False)

    def value(self, points: Tensor) -> Tensor:
        """Optical depth (P,), interpolated between cell centres, 0 outside the cube."""
        place = self.to_unit(points).flip(-1).view(1, 1, 1, -1, 3) * 2 - 1
        found = F.grid_sample(self.depth[None, None], place, padding_mode="border", align_corners=False)
        return found.view(-1) * self.inside(points)

    def look(self, points: Tensor) -> tuple[Tensor, Tensor]:
        return self.value(points), self._field[0].color(points)


@torch.no_grad()
def density_grid(field: Field, resolution: int) -> Tensor:
    """The field's value (R, R, R) at the centres of cells, x first."""
    low, high = field.bounds
    device = next(field.parameters()).device
    centres = low + (torch.arange(resolution, device=device) + 0.5) * (high - low) / resolution
    points = torch.stack(torch.meshgrid(centres, centres, centres, indexing="ij"), -1).view(-1, 3)
    return torch.cat([field.value(part) for part in points.split(CHUNK)]).view((resolution,) * 3)


def least_depth(density: Tensor, bounds: tuple[float, float]) -> Tensor:
    """Density (R, R, R) -> the smallest of six integrals from a cell's centre to the cube's sides, (R, R, R)."""
    step = (bounds[1] - bounds[0]) / len(density)
    depths = []
    for axis in range(3):
        until = (density.cumsum(axis) - density / 2) * step
        depths += [until, density.sum(axis, keepdim=True) * step - until]
    return torch.stack(depths).amin(0)

# SPDX-License-Identifier: GPL-3.0-or-later
"""The solid that a density field looks like from outside. Nobody ever saw what the density is deep inside."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..rendering.volume import alpha_weights
from .field import Field
from .parts import in_parts

AROUND = (-1.5, 5.0)  # cells before and behind a point of the surface, between which its colour lies
SEEN = 0.25  # optical depth at a fog's surface: outlines, seen through much of it, show more than the first of it
LEAST = 1e-6  # opacity of what is empty: where there is nothing, all colours count alike
CHUNK = 1 << 16  # points evaluated at once


class Solid(Field):
    """value: the least optical depth of `field` between a point and the outside, along the six axes' directions.

    It grows inwards from every visible surface, whatever the density inside is, so there are no caves where nobody
    ever looked. Measured once on a grid of `resolution` cells a side; no gradients.
    color: what a ray sees that falls on the surface at a right angle. The colours of the first of a fog, where the
    surface lies, are hardly seen, so that nothing ever made them right.
    """

    def __init__(self, field: Field, resolution: int = 128) -> None:
        super().__init__(field.channels, field.bounds, SEEN)
        self._field = [field]  # in a list: it is not a part of this module
        depth = least_depth(density_grid(field, resolution), field.bounds)
        self.cell = (field.bounds[1] - field.bounds[0]) / resolution
        self.depth = nn.Parameter(depth, requires_grad=False)

    def value(self, points: Tensor) -> Tensor:
        """Optical depth (P,), interpolated between cell centres, 0 outside the cube."""
        place = self.to_unit(points).flip(-1).view(1, 1, 1, -1, 3) * 2 - 1
        found = F.grid_sample(self.depth[None, None], place, padding_mode="border", align_corners=False)
        return found.view(-1) * self.inside(points)

    def look(self, points: Tensor) -> tuple[Tensor, Tensor]:
        inwards = nn.functional.normalize(self.differences(points, self.cell), dim=1)
        places = torch.arange(*AROUND, 0.5, device=points.device) * self.cell
        along = points[:, None] + places[:, None] * inwards[:, None]
        density, color = in_parts(self._field[0].look, along.flatten(0, 1), [])
        alpha = -torch.expm1(-density.view(len(points), -1) * self.cell / 2)
        weights = alpha_weights(alpha.clamp(min=LEAST))[..., None]
        return self.value(points), (weights * color.view(*along.shape[:2], -1)).sum(1) / weights.sum(1)


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

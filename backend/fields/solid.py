# SPDX-License-Identifier: GPL-3.0-or-later
"""The solid that a density field shows from outside, whatever its density inside, which no camera ever saw."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..rendering.volume import alpha_weights
from .checkpointing import evaluate_in_chunks
from .field import Field

COLOR_RANGE = (-1.5, 5.0)  # cells outside and inside the surface over which colours are composited
SURFACE_DEPTH = 0.25  # optical depth of the surface; silhouettes, where rays graze, need more than the first opacity
MIN_ALPHA = 1e-6  # opacity of empty samples, which weights all colours equally where nothing is opaque
CHUNK = 1 << 16  # points evaluated at once


class Solid(Field):
    """A field whose value is the least optical depth of `field` to the outside along the six axis directions.

    The value grows inwards from every visible surface, so the solid has no cavities. It is measured once on a grid of
    `resolution` cells per side, without gradients. The colour is that of a ray which hits the surface head-on: at the
    outer edge of a translucent density colours receive little gradient, so they are sampled further inside.
    """

    def __init__(self, field: Field, resolution: int = 128) -> None:
        super().__init__(field.channels, field.bounds, SURFACE_DEPTH)
        self._field = [field]  # in a list: not a submodule
        depth = least_depth(density_grid(field, resolution), field.bounds)
        self.cell = (field.bounds[1] - field.bounds[0]) / resolution
        self.depth = nn.Parameter(depth, requires_grad=False)

    def value(self, points: Tensor) -> Tensor:
        """Optical depth (P,), interpolated between cell centres, 0 outside the cube."""
        grid = self.to_unit(points).flip(-1).view(1, 1, 1, -1, 3) * 2 - 1
        depth = F.grid_sample(self.depth[None, None], grid, padding_mode="border", align_corners=False)
        return depth.view(-1) * self.inside(points)

    def value_and_color(self, points: Tensor) -> tuple[Tensor, Tensor]:
        inwards = nn.functional.normalize(self.differences(points, self.cell), dim=1)
        distances = torch.arange(*COLOR_RANGE, 0.5, device=points.device) * self.cell
        samples = points[:, None] + distances[:, None] * inwards[:, None]
        density, color = evaluate_in_chunks(self._field[0].value_and_color, samples.flatten(0, 1), [])
        alpha = -torch.expm1(-density.view(len(points), -1) * self.cell / 2)
        weights = alpha_weights(alpha.clamp(min=MIN_ALPHA))[..., None]
        return self.value(points), (weights * color.view(*samples.shape[:2], -1)).sum(1) / weights.sum(1)


@torch.no_grad()
def density_grid(field: Field, resolution: int) -> Tensor:
    """The field's value (R, R, R) at cell centres, x first."""
    low, high = field.bounds
    device = next(field.parameters()).device
    centres = low + (torch.arange(resolution, device=device) + 0.5) * (high - low) / resolution
    points = torch.stack(torch.meshgrid(centres, centres, centres, indexing="ij"), -1).view(-1, 3)
    return torch.cat([field.value(part) for part in points.split(CHUNK)]).view((resolution,) * 3)


def least_depth(density: Tensor, bounds: tuple[float, float]) -> Tensor:
    """Density (R, R, R) -> least of the six integrals from each cell centre to the cube's faces (R, R, R)."""
    step = (bounds[1] - bounds[0]) / len(density)
    depths = []
    for axis in range(3):
        depth = (density.cumsum(axis) - density / 2) * step
        depths += [depth, density.sum(axis, keepdim=True) * step - depth]
    return torch.stack(depths).amin(0)

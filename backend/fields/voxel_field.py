# SPDX-License-Identifier: GPL-3.0-or-later
"""Density and colour, or latents, in plain voxels: the scene of SJC (Wang et al. 2022) and of Zero-1-to-3."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from .field import Field
from .hash_grid import dense_corners, interpolate

SHIFT = -1.0  # of the raw density, SJC


class VoxelField(Field):
    """density = softplus(gain * voxel + shift); colours as they are stored (latents), RGB through a sigmoid.

    voxels (1 + channels, R, R, R): density begins at 0, colours as N(0, 1), as published; the gain is learned, from
    `gain` on: 1 as published, more of it makes a solid in fewer steps. sharpen: what it comes to be
    multiplied by besides, 1 in the beginning: what has become a fog in few steps, too thin a one, becomes solid.
    """

    sharpness: Tensor

    def __init__(
        self,
        resolution: int = 100,
        channels: int = 3,
        bounds: tuple[float, float] = (-0.6, 0.6),
        level: float = 15.0,
        generator: torch.Generator | None = None,
        gain: float = 1.0,
        sharpen: float = 1.0,
    ) -> None:
        super().__init__(channels, bounds, level)
        self.resolution, self.sharpen = resolution, sharpen
        self.density = nn.Parameter(torch.zeros(1, resolution**3))
        self.colors = nn.Parameter(torch.randn(channels, resolution**3, generator=generator))
        self.log_gain = nn.Parameter(torch.tensor(math.log(gain)))
        self.register_buffer("sharpness", torch.ones(()))

    def _density(self, points: Tensor, index: Tensor, weight: Tensor) -> Tensor:
        raw = interpolate(self.density, index, weight)[0] * self.log_gain.exp() * self.sharpness
        return nn.functional.softplus(raw + SHIFT) * self.inside(points)

    def value(self, points: Tensor) -> Tensor:
        return self._density(points, *self.corners(points))

    def look(self, points: Tensor) -> tuple[Tensor, Tensor]:
        index, weight = self.corners(points)
        color = interpolate(self.colors, index, weight).T
        return self._density(points, index, weight), color.sigmoid() if self.channels == 3 else color

    def advance(self, share: float) -> None:
        self.sharpness.fill_(self.steepness(share))

    def corners(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """The voxels (8, P) around points (P, 3) and their weights; voxel centres reach to the cube's faces."""
        return dense_corners(self.to_unit(points).T * (self.resolution - 1), self.resolution - 1)

    def groups(self, rate: float) -> list[dict[str, Any]]:
        """A voxel is seen by few rays, so that it has to move farther: SJC takes 0.05 over 10000 steps."""
        return [{"params": [self.density, self.colors], "lr": 10 * rate}, {"params": [self.log_gain], "lr": rate}]

    def total_variation(self) -> Tensor:
        grid = self.density.view((self.resolution,) * 3)
        return torch.stack([grid.diff(dim=axis).square().mean() for axis in range(3)]).mean()

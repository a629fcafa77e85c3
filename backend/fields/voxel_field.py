# SPDX-License-Identifier: GPL-3.0-or-later
"""Density and colour, or latents, on a voxel grid, as in SJC (Wang et al. 2022) and Zero-1-to-3."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from .field import Field
from .hash_grid import dense_corners, interpolate

SHIFT = -1.0  # of the raw density, SJC's
RATE_FACTOR = 10.0  # on the learning rate, as few rays hit a voxel
RATE_FACTOR_COARSE = 3.0  # with coarse grids, whose voxels are hit by more rays
DENSITY_DECAY = 0.2  # weight decay of the raw density, as a multiple of the rate


class VoxelField(Field):
    """density = softplus(gain * voxel + shift); latents are stored as they are, RGB passes through a sigmoid.

    Args:
        resolution: voxels per side, R.
        channels: 3 for RGB, 4 for latents.
        bounds: of the cube.
        level: density of the surface.
        generator: draws the initial colours from N(0, 1), as published; densities start at 0.
        gain: initial value of the learned gain, 1 as published; more gives a solid in fewer steps.
        sharpen: final factor on the raw density, 1 at the start, which makes a thin density solid.
        coarse: voxels per side of coarser grids that are added to this one. More rays hit their voxels, so they learn
            sooner and more smoothly, and hidden voxels take the colour around them. All grids then start at 0, and
            hidden density decays, so that an empty region under a surface becomes visible again.
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
        coarse: tuple[int, ...] = (),
    ) -> None:
        super().__init__(channels, bounds, level)
        self.sharpen = sharpen
        self.sides = (resolution, *coarse)
        self.density = nn.Parameter(torch.zeros(1, resolution**3))
        shape = channels, resolution**3
        self.colors = nn.Parameter(torch.zeros(shape) if coarse else torch.randn(shape, generator=generator))
        self.coarse_density = nn.ParameterList(torch.zeros(1, side**3) for side in coarse)
        self.coarse_colors = nn.ParameterList(torch.zeros(channels, side**3) for side in coarse)
        self.log_gain = nn.Parameter(torch.tensor(math.log(gain)))
        self.register_buffer("sharpness", torch.ones(()))

    def _density(self, voxels: Tensor, points: Tensor) -> Tensor:
        return nn.functional.softplus(voxels * self.log_gain.exp() * self.sharpness + SHIFT) * self.inside(points)

    def value(self, points: Tensor) -> Tensor:
        return self._density(total([self.density, *self.coarse_density], self.corners(points))[0], points)

    def value_and_color(self, points: Tensor) -> tuple[Tensor, Tensor]:
        corners = self.corners(points)
        color = total([self.colors, *self.coarse_colors], corners).T
        raw = total([self.density, *self.coarse_density], corners)[0]
        return self._density(raw, points), color.sigmoid() if self.channels == 3 else color

    def advance(self, share: float) -> None:
        self.sharpness.fill_(self.steepness(share))

    def corners(self, points: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Voxel indices (8, P) around points (P, 3) and trilinear weights (8, P) of each grid.

        The outermost voxel centres lie on the cube's faces.
        """
        unit = self.to_unit(points).T
        return [dense_corners(unit * (side - 1), side - 1) for side in self.sides]

    def groups(self, rate: float) -> list[dict[str, Any]]:
        """Parameter groups with raised rates, as few rays hit a voxel: SJC takes 0.05 over 10000 steps."""
        factor, decay = (RATE_FACTOR_COARSE, DENSITY_DECAY) if self.coarse_density else (RATE_FACTOR, 0.0)
        return [
            {"params": [self.density, *self.coarse_density], "lr": factor * rate, "weight_decay": decay},
            {"params": [self.colors, *self.coarse_colors], "lr": factor * rate},
            {"params": [self.log_gain], "lr": rate},
        ]


def total(grids: list[Tensor], corners: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Sum of the grids' (F, voxels) interpolated values, given the indices and weights of each -> (F, P)."""
    return torch.stack([interpolate(grid, *corner) for grid, corner in zip(grids, corners, strict=True)]).sum(0)

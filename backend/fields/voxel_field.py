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
FASTER, FASTER_COARSE = 10.0, 3.0  # than other fields, as few rays see a voxel; a coarse one is seen by more
FADE = 0.2  # times the rate, the share of the raw density that is lost in a step where no ray keeps it up


class VoxelField(Field):
    """density = softplus(gain * voxel + shift); colours as they are stored (latents), RGB through a sigmoid.

    voxels (1 + channels, R, R, R): density begins at 0, colours as N(0, 1), as published; the gain is learned, from
    `gain` on: 1 as published, more of it makes a solid in fewer steps. sharpen: what it comes to be
    multiplied by besides, 1 in the beginning: what has become a fog in few steps, too thin a one, becomes solid.
    coarse: sides of coarser grids that are added to this one, in voxels. They are seen by more rays, so they learn
    sooner and more smoothly, and what is still hidden has the colour of what is around it. All begin at 0 then, and
    what is hidden fades (FADE): through a lid that hides nothing but emptiness, light soon falls on what is below.
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
        self.resolution, self.sharpen, self.sides = resolution, sharpen, (resolution, *coarse)
        self.density = nn.Parameter(torch.zeros(1, resolution**3))
        shape = channels, resolution**3
        self.colors = nn.Parameter(torch.zeros(shape) if coarse else torch.randn(shape, generator=generator))
        self.coarse_density = nn.ParameterList(torch.zeros(1, side**3) for side in coarse)
        self.coarse_colors = nn.ParameterList(torch.zeros(channels, side**3) for side in coarse)
        self.log_gain = nn.Parameter(torch.tensor(math.log(gain)))
        self.register_buffer("sharpness", torch.ones(()))

    def _solid(self, voxels: Tensor, points: Tensor) -> Tensor:
        return nn.functional.softplus(voxels * self.log_gain.exp() * self.sharpness + SHIFT) * self.inside(points)

    def value(self, points: Tensor) -> Tensor:
        return self._solid(total([self.density, *self.coarse_density], self.corners(points))[0], points)

    def look(self, points: Tensor) -> tuple[Tensor, Tensor]:
        places = self.corners(points)
        color = total([self.colors, *self.coarse_colors], places).T
        raw = total([self.density, *self.coarse_density], places)[0]
        return self._solid(raw, points), color.sigmoid() if self.channels == 3 else color

    def advance(self, share: float) -> None:
        self.sharpness.fill_(self.steepness(share))

    def corners(self, points: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Of each grid, the voxels (8, P) around points (P, 3) and their weights; voxel centres reach to the cube's
        faces."""
        unit = self.to_unit(points).T
        return [dense_corners(unit * (side - 1), side - 1) for side in self.sides]

    def groups(self, rate: float) -> list[dict[str, Any]]:
        """A voxel is seen by few rays, so that it has to move farther: SJC takes 0.05 over 10000 steps."""
        faster, fade = (FASTER_COARSE, FADE) if self.coarse_density else (FASTER, 0.0)
        return [
            {"params": [self.density, *self.coarse_density], "lr": faster * rate, "weight_decay": fade},
            {"params": [self.colors, *self.coarse_colors], "lr": faster * rate},
            {"params": [self.log_gain], "lr": rate},
        ]

    def total_variation(self) -> Tensor:
        grid = self.density.view((self.resolution,) * 3)
        return torch.stack([grid.diff(dim=axis).square().mean() for axis in range(3)]).mean()


def total(grids: list[Tensor], places: list[tuple[Tensor, Tensor]]) -> Tensor:
    """What grids (F, voxels) hold at places, each at its own, together: (F, P)."""
    return torch.stack([interpolate(grid, *place) for grid, place in zip(grids, places, strict=True)]).sum(0)

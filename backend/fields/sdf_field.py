# SPDX-License-Identifier: GPL-3.0-or-later
"""A signed distance and colour on a hash grid, rendered as NeuS does (Wang et al. 2021)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..rendering.volume import neus_alpha
from .field import FieldOutput, Normals
from .hash_field import GridField, seeded, small_network
from .hash_grid import PUBLISHED_GRID, SMALL_GRID, HashGrid

INITIAL_INV_S = 64.0  # the surface starts 1 / 64 units wide
MAX_INV_S = 2000.0
SHARPNESS_FROM_MESH = 0.12  # initial log sharpness of a field that starts as a visual hull or a mesh


class SdfField(GridField):
    """sdf = |x| - radius + network, so it starts as a sphere; colour = sigmoid(network).

    Args:
        grid: the encoding that both networks share.
        hidden: width of the hidden layers.
        layers: number of hidden layers.
        channels: 3 for RGB, 4 for latents.
        bounds: of the cube.
        radius: of the initial sphere.
        anneal: share of the optimisation over which the slope is annealed (NeuS's cos_anneal_ratio).
        sharpness: initial sharpness, log(inv_s / INITIAL_INV_S) / 10.
    """

    is_sdf = True

    def __init__(
        self,
        grid: HashGrid,
        hidden: int = 64,
        layers: int = 1,
        channels: int = 3,
        bounds: tuple[float, float] = (-0.6, 0.6),
        radius: float = 0.35,
        anneal: float = 0.1,
        sharpness: float = 0.0,
    ) -> None:
        super().__init__(channels, bounds, 0.0)
        self.grid = grid
        self.radius = radius
        self.anneal = anneal
        self.slope = 1.0
        self.sdf_network = small_network(grid.width, hidden, 1, layers)
        self.color_network = small_network(grid.width, hidden, channels, layers)
        self.log_sharpness = nn.Parameter(torch.tensor(sharpness))

    @property
    def inv_s(self) -> Tensor:
        """Learned sharpness of the surface: the inverse of the width over which opacity rises."""
        return (INITIAL_INV_S * torch.exp(10 * self.log_sharpness)).clamp(max=MAX_INV_S)

    def value_from(self, points: Tensor, features: Tensor) -> Tensor:
        sphere = (points.square().sum(-1) + 1e-8).sqrt() - self.radius  # smooth at the origin too
        return sphere + self.sdf_network(features)[:, 0]

    def query(self, points: Tensor, normals: Normals = "analytic") -> FieldOutput:
        """`Field.query`, with a gradient unless normals is "ray": NeuS's opacity needs the slope."""
        return super().query(points, "analytic" if normals == "none" else normals)

    def alpha(self, output: FieldOutput, directions: Tensor, lengths: Tensor) -> Tensor:
        """NeuS's opacity (equations 11 to 13), extrapolated from the midpoints' values and gradients."""
        assert output.gradient is not None
        sdf, gradient = output.value[:, None], output.gradient[:, None]
        return neus_alpha(sdf, gradient, directions, lengths[:, None], self.inv_s, self.slope)[:, 0]

    def alpha_from_slope(self, value: Tensor, slope: Tensor, directions: Tensor, lengths: Tensor) -> Tensor:
        gradient = slope[:, None] * directions
        return self.alpha(FieldOutput(value, value, gradient), directions, lengths)

    def occupancy(self, points: Tensor, step: float, cell: float) -> Tensor:
        """1 if the surface's soft edge may reach into the cell, 0 deep inside and far outside (P,)."""
        reach = cell * 3**0.5 + step + 6 / self.inv_s
        return (self.value(points).abs() <= reach).float()

    def advance(self, share: float) -> None:
        self.slope = min(1.0, share / self.anneal) if self.anneal else 1.0

    def groups(self, rate: float) -> list[dict[str, Any]]:
        others = [p for p in self.parameters() if p is not self.log_sharpness]
        return [{"params": others, "lr": rate}, {"params": [self.log_sharpness], "lr": rate / 10}]


def published(channels: int = 3, seed: int = 0, **settings: Any) -> SdfField:
    """A field on threestudio's grid, with two hidden layers of 64."""
    return seeded(SdfField, PUBLISHED_GRID, seed, layers=2, channels=channels, **settings)


def small(channels: int = 3, seed: int = 0, **settings: Any) -> SdfField:
    """A field for CPUs: SMALL_GRID and one hidden layer of 32."""
    return seeded(SdfField, SMALL_GRID, seed, hidden=32, channels=channels, **settings)

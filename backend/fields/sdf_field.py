# SPDX-License-Identifier: GPL-3.0-or-later
"""A signed distance and colour on a hash grid, rendered as NeuS does (Wang et al. 2021)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..rendering.volume import neus_alpha
from .field import Answer, Field, Normals
from .hash_field import small_network
from .hash_grid import HashGrid

START_S = 64.0  # sharpness in the beginning: the surface is as soft as 1 / 64 of the unit
SHARPEST = 2000.0
NEAR_TRUTH = 0.12  # sharpness of what begins as a hull or a mesh


class SdfField(Field):
    """sdf = |x| - radius + network; it begins as a sphere. Colour = sigmoid(network).

    anneal: share of the optimisation over which opacity's slope is annealed (NeuS, cos_anneal_ratio). sharpness: of the
    surface in the beginning, a tenth of the logarithm of how much more it is than START_S.
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
        self.grid, self.radius, self.anneal, self.slope = grid, radius, anneal, 1.0
        self.sdf_network = small_network(grid.width, hidden, 1, layers)
        self.color_network = small_network(grid.width, hidden, channels, layers)
        self.log_sharpness = nn.Parameter(torch.tensor(sharpness))

    @property
    def inv_s(self) -> Tensor:
        """Sharpness of the surface, learned: the inverse of the width over which opacity rises."""
        return (START_S * torch.exp(10 * self.log_sharpness)).clamp(max=SHARPEST)

    def _sdf(self, points: Tensor, features: Tensor) -> Tensor:
        sphere = (points.square().sum(-1) + 1e-8).sqrt() - self.radius  # smooth at the origin too
        return sphere + self.sdf_network(features)[:, 0]

    def value(self, points: Tensor) -> Tensor:
        return self._sdf(points, self.grid(self.to_unit(points)))

    def look(self, points: Tensor) -> tuple[Tensor, Tensor]:
        features = self.grid(self.to_unit(points))
        color = self.color_network(features)
        return self._sdf(points, features), color.sigmoid() if self.channels == 3 else color

    def query(self, points: Tensor, normals: Normals = "analytic") -> Answer:
        """As Field.query; opacity is that of the gradient, so there is one unless the slope along a ray is to do."""
        return super().query(points, "analytic" if normals == "none" else normals)

    def alpha(self, answer: Answer, directions: Tensor, lengths: Tensor) -> Tensor:
        """NeuS, equations 11 to 13, the section's ends estimated from its middle and the slope there."""
        assert answer.gradient is not None
        sdf, gradient = answer.value[:, None], answer.gradient[:, None]
        return neus_alpha(sdf, gradient, directions, lengths[:, None], self.inv_s, self.slope)[:, 0]

    def glimpse(self, value: Tensor, slope: Tensor, directions: Tensor, lengths: Tensor) -> Tensor:
        gradient = slope[:, None] * directions
        return self.alpha(Answer(value, value, gradient), directions, lengths)

    def occupancy(self, points: Tensor, step: float, cell: float) -> Tensor:
        """1 where the surface's soft edge may reach some point of the cell, 0 deep inside and far outside."""
        reach = cell * 3**0.5 + step + 6 / self.inv_s
        return (self.value(points).abs() <= reach).float()

    def advance(self, share: float) -> None:
        self.slope = min(1.0, share / self.anneal) if self.anneal else 1.0

    def groups(self, rate: float) -> list[dict[str, Any]]:
        others = [p for p in self.parameters() if p is not self.log_sharpness]
        return [{"params": others, "lr": rate}, {"params": [self.log_sharpness], "lr": rate / 10}]

    def total_variation(self) -> Tensor:
        return self.grid.total_variation()


def published(channels: int = 3, seed: int = 0, **settings: Any) -> SdfField:
    """On hash_field.published's grid."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SdfField(HashGrid(generator=generator), layers=2, channels=channels, **settings)


def small(channels: int = 3, seed: int = 0, **settings: Any) -> SdfField:
    """For a CPU: 6 levels from 8 to 96 cells, one hidden layer of 32."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SdfField(HashGrid(6, 8, 96, 16, generator=generator), hidden=32, channels=channels, **settings)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Density and colour on a hash grid, as in Magic3D and threestudio."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from .field import Field, magic3d_blob
from .hash_grid import HashGrid


def small_network(inputs: int, hidden: int, outputs: int, layers: int = 1) -> nn.Sequential:
    """Linear layers with ReLU between them and no biases, `layers` of them hidden."""
    sizes = [inputs, *[hidden] * layers]
    parts = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b, bias=False), nn.ReLU())]
    return nn.Sequential(*parts, nn.Linear(sizes[-1], outputs, bias=False))


class HashField(Field):
    """density = softplus(gain network + blob); colour = sigmoid(network), latents without the sigmoid.

    gain: 1 as published; more of it makes surfaces sharp in fewer steps. sharpen: what network and blob come to
    be multiplied by, 1 in the beginning: what is thin becomes solid.
    bands: share of the optimisation until which levels beyond the first half stay hidden, and when all are shown;
    None shows all from the start (threestudio's ProgressiveBandHashGrid: 2000 and 6000 of 10000 steps).
    """

    sharpness: Tensor

    def __init__(
        self,
        grid: HashGrid,
        hidden: int = 64,
        layers: int = 1,
        channels: int = 3,
        bounds: tuple[float, float] = (-0.6, 0.6),
        level: float = 15.0,
        blob: tuple[float, float] = (10.0, 0.5),
        bands: tuple[float, float] | None = None,
        gain: float = 1.0,
        sharpen: float = 1.0,
    ) -> None:
        super().__init__(channels, bounds, level)
        self.grid, self.blob, self.bands, self.gain = grid, blob, bands, gain
        self.sharpen = sharpen
        self.register_buffer("sharpness", torch.ones(()))
        self.density_network = small_network(grid.width, hidden, 1, layers)
        self.color_network = small_network(grid.width, hidden, channels, layers)
        self.advance(0.0)

    def _density(self, points: Tensor, features: Tensor) -> Tensor:
        raw = self.gain * self.density_network(features)[:, 0] + magic3d_blob(points, *self.blob)
        return nn.functional.softplus(self.sharpness * raw) * self.inside(points)

    def value(self, points: Tensor) -> Tensor:
        return self._density(points, self.grid(self.to_unit(points)))

    def look(self, points: Tensor) -> tuple[Tensor, Tensor]:
        features = self.grid(self.to_unit(points))
        color = self.color_network(features)
        return self._density(points, features), color.sigmoid() if self.channels == 3 else color

    def advance(self, share: float) -> None:
        self.sharpness.fill_(self.steepness(share))
        if self.bands is not None:
            levels, (begin, end) = len(self.grid.resolutions), self.bands
            shown = min(max((share - begin) / (end - begin), 0.0), 1.0)
            self.grid.active = levels / 2 * (1 + shown)

    def total_variation(self) -> Tensor:
        return self.grid.total_variation()


def published(channels: int = 3, seed: int = 0, **settings: Any) -> HashField:
    """threestudio's grid: 16 levels from 16 to 4096 cells, 2^19 places, two hidden layers of 64."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return HashField(HashGrid(generator=generator), layers=2, channels=channels, **settings)


def small(channels: int = 3, seed: int = 0, **settings: Any) -> HashField:
    """For a CPU: 6 levels from 8 to 96 cells, one hidden layer of 32."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return HashField(HashGrid(6, 8, 96, 16, generator=generator), hidden=32, channels=channels, **settings)

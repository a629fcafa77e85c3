# SPDX-License-Identifier: GPL-3.0-or-later
"""Density and colour on a hash grid, as in Magic3D and threestudio."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from .field import Field, magic3d_blob
from .hash_grid import PUBLISHED_GRID, SMALL_GRID, HashGrid

Model = TypeVar("Model", bound=Field)


def small_network(inputs: int, hidden: int, outputs: int, layers: int = 1) -> nn.Sequential:
    """An MLP without biases: `layers` hidden layers with ReLU."""
    sizes = [inputs, *[hidden] * layers]
    parts = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b, bias=False), nn.ReLU())]
    return nn.Sequential(*parts, nn.Linear(sizes[-1], outputs, bias=False))


class GridField(Field):
    """A field whose networks share the features of a hash grid."""

    grid: HashGrid
    color_network: nn.Sequential

    def value_from(self, points: Tensor, features: Tensor) -> Tensor:
        """Value (P,) at points (P, 3) with the grid's features (P, F)."""
        raise NotImplementedError

    def value(self, points: Tensor) -> Tensor:
        return self.value_from(points, self.grid(self.to_unit(points)))

    def value_and_color(self, points: Tensor) -> tuple[Tensor, Tensor]:
        features = self.grid(self.to_unit(points))
        color = self.color_network(features)
        return self.value_from(points, features), color.sigmoid() if self.channels == 3 else color


class HashField(GridField):
    """density = softplus(gain network + blob); colour = sigmoid(network), for latents without the sigmoid.

    Args:
        grid: the encoding that both networks share.
        hidden: width of the hidden layers.
        layers: number of hidden layers.
        channels: 3 for RGB, 4 for latents.
        bounds: of the cube.
        level: density of the surface.
        blob: scale and radius of Magic3D's initial blob.
        bands: shares of the optimisation at which the levels beyond the first half start to fade in and are all active
            (threestudio's ProgressiveBandHashGrid: 0.2 and 0.6). None activates all levels from the start.
        gain: factor on the network's output, 1 as published; more makes surfaces sharp in fewer steps.
        sharpen: final factor on the raw density, 1 at the start, which makes a thin density solid.
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
        self.grid = grid
        self.blob = blob
        self.bands = bands
        self.gain = gain
        self.sharpen = sharpen
        self.register_buffer("sharpness", torch.ones(()))
        self.density_network = small_network(grid.width, hidden, 1, layers)
        self.color_network = small_network(grid.width, hidden, channels, layers)
        self.advance(0.0)

    def value_from(self, points: Tensor, features: Tensor) -> Tensor:
        raw = self.gain * self.density_network(features)[:, 0] + magic3d_blob(points, *self.blob)
        return nn.functional.softplus(self.sharpness * raw) * self.inside(points)

    def advance(self, share: float) -> None:
        self.sharpness.fill_(self.steepness(share))
        if self.bands is not None:
            begin, end = self.bands
            shown = min(max((share - begin) / (end - begin), 0.0), 1.0)
            self.grid.active = len(self.grid.resolutions) / 2 * (1 + shown)


def seeded(kind: Callable[..., Model], grid: dict[str, int], seed: int, **settings: Any) -> Model:
    """A field of class `kind` on a HashGrid with these settings, all weights drawn from `seed`."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return kind(HashGrid(**grid, generator=generator), **settings)


def published(channels: int = 3, seed: int = 0, **settings: Any) -> HashField:
    """threestudio's field: PUBLISHED_GRID and two hidden layers of 64."""
    return seeded(HashField, PUBLISHED_GRID, seed, layers=2, channels=channels, **settings)


def small(channels: int = 3, seed: int = 0, **settings: Any) -> HashField:
    """A field for CPUs: SMALL_GRID and one hidden layer of 32."""
    return seeded(HashField, SMALL_GRID, seed, hidden=32, channels=channels, **settings)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Density and colour as sums of planes times lines: TensoRF's vector-matrix form (Chen et al. 2022, equation 4)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .field import Field, magic3d_blob
from .hash_field import small_network

PLANES = ((0, 1), (0, 2), (1, 2))  # the axes of each plane; the line is the third one
LINES = (2, 1, 0)


class VectorMatrix(nn.Module):
    """Points in [0, 1]^3, (P, 3) -> the 3 x rank products of plane and line components, (P, 3 rank).

    planes (3, rank, R, R), in the order of PLANES, and lines (3, rank, R), interpolated linearly.
    """

    def __init__(self, resolution: int, rank: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.resolution = resolution
        self.planes = nn.Parameter(0.1 * torch.randn(3, rank, resolution, resolution, generator=generator))
        self.lines = nn.Parameter(0.1 * torch.randn(3, rank, resolution, generator=generator))

    def forward(self, points: Tensor) -> Tensor:
        n = self.resolution
        place = points * (n - 1)
        low = place.detach().floor().clamp(0, n - 2)
        share, low = place - low, low.long()
        products = []
        for plane, line, (a, b), c in zip(self.planes, self.lines, PLANES, LINES, strict=True):
            rows, strip = plane.flatten(1).T, line.T
            on_plane = 0
            for da, db in ((0, 0), (0, 1), (1, 0), (1, 1)):
                weight = _side(share[:, a], da) * _side(share[:, b], db)
                index = (low[:, a] + da) * n + low[:, b] + db
                on_plane = on_plane + weight[:, None] * rows.index_select(0, index)
            on_line = sum(_side(share[:, c], d)[:, None] * strip.index_select(0, low[:, c] + d) for d in (0, 1))
            products.append(on_plane * on_line)
        return torch.cat(products, dim=1)

    def total_variation(self) -> Tensor:
        """Mean squared difference of neighbours in planes and lines, ()."""
        terms = [self.planes.diff(dim=2), self.planes.diff(dim=3), self.lines.diff(dim=2)]
        return torch.stack([term.square().mean() for term in terms]).mean()


def _side(share: Tensor, upper: int) -> Tensor:
    return share if upper else 1 - share


class TensorField(Field):
    """density = softplus(sum of the density components + blob); colour = sigmoid(network of the colour components)."""

    def __init__(
        self,
        resolution: int = 128,
        rank: int = 8,
        color_rank: int = 16,
        hidden: int = 32,
        channels: int = 3,
        bounds: tuple[float, float] = (-0.6, 0.6),
        level: float = 15.0,
        blob: tuple[float, float] = (10.0, 0.5),
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(channels, bounds, level)
        self.density, self.blob = VectorMatrix(resolution, rank, generator), blob
        self.colors = VectorMatrix(resolution, color_rank, generator)
        self.color_network = small_network(3 * color_rank, hidden, channels)

    def value(self, points: Tensor) -> Tensor:
        raw = self.density(self.to_unit(points)).sum(-1) + magic3d_blob(points, *self.blob)
        return nn.functional.softplus(raw) * self.inside(points)

    def look(self, points: Tensor) -> tuple[Tensor, Tensor]:
        color = self.color_network(self.colors(self.to_unit(points)))
        return self.value(points), color.sigmoid() if self.channels == 3 else color

    def groups(self, rate: float) -> list[dict[str, Any]]:
        """The grids learn faster than the network (TensoRF)."""
        grids = [*self.density.parameters(), *self.colors.parameters()]
        return [{"params": grids, "lr": 2 * rate}, {"params": list(self.color_network.parameters()), "lr": rate}]

    def total_variation(self) -> Tensor:
        return self.density.total_variation() + self.colors.total_variation()

# SPDX-License-Identifier: GPL-3.0-or-later
"""Multi-resolution hash encoding (Instant NGP, Mueller et al. 2022, section 3) in plain PyTorch.

Twice differentiable in the points and in the table, on every device. A lookup is one gather of scalars a level: on a
CPU the gradient of a scalar gather is 5 to 15 times as fast as that of a gather of short rows.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

PRIMES = (1, 2654435761, 805459861)  # Instant NGP, equation 4


class HashGrid(nn.Module):
    """Points in [0, 1]^3, (P, 3) -> features (P, levels * features).

    Level l has round(base * growth**l) cells a side, from `base` to `finest`. Its corners are stored one by one while
    there are at most 2**log2_size of them, and share 2**log2_size places through a hash beyond that.
    """

    def __init__(
        self,
        levels: int = 16,
        base: int = 16,
        finest: int = 4096,
        log2_size: int = 19,
        features: int = 2,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        growth = math.exp(math.log(finest / base) / max(1, levels - 1))
        self.resolutions = [round(base * growth**level) for level in range(levels)]
        self.size = 1 << log2_size
        self.sizes = [min((n + 1) ** 3, self.size) for n in self.resolutions]
        self.features, self.active = features, float(levels)
        start = torch.rand(features, sum(self.sizes), generator=generator) * 2e-4 - 1e-4
        self.table = nn.Parameter(start)  # (F, all places of all levels)

    @property
    def width(self) -> int:
        """Features of one point."""
        return len(self.resolutions) * self.features

    def forward(self, points: Tensor) -> Tensor:
        """(P, 3) -> (P, width). Levels beyond `active` give zeros, the one at its border fades in."""
        features = []
        for level, part in enumerate(self.table.split(self.sizes, dim=1)):
            share = min(max(self.active - level, 0.0), 1.0)
            if share > 0:
                index, weight = self.corners(points, level)
                found = interpolate(part, index, weight)
                features.append(found if share == 1 else share * found)
            else:
                features.append(points.new_zeros(self.features, len(points)))
        return torch.cat(features).T

    def corners(self, points: Tensor, level: int) -> tuple[Tensor, Tensor]:
        """The places (8, P) of the corners around points (P, 3) in a level's table, and their trilinear weights."""
        n = self.resolutions[level]
        place = points.T * n
        if (n + 1) ** 3 <= self.size:
            return dense_corners(place, n)
        low = place.detach().floor().clamp(0, n - 1)
        hashes = [[c * p, (c + 1) * p] for c, p in zip(low.long().unbind(), PRIMES, strict=True)]
        plane = [[hashes[0][dx] ^ hashes[1][dy] for dy in (0, 1)] for dx in (0, 1)]
        index = torch.stack([plane[dx][dy] ^ hashes[2][dz] for dx, dy, dz in CORNERS]) & (self.size - 1)
        return index, corner_weights(place - low)

    def total_variation(self) -> Tensor:
        """Mean squared difference of neighbours in the levels that are stored densely, ()."""
        terms = []
        for n, part in zip(self.resolutions, self.table.split(self.sizes, dim=1), strict=True):
            if (n + 1) ** 3 <= self.size:
                grid = part.view(-1, n + 1, n + 1, n + 1)
                terms += [grid.diff(dim=axis).square().mean() for axis in (1, 2, 3)]
        return torch.stack(terms).mean()


CORNERS = [(dx, dy, dz) for dx in (0, 1) for dy in (0, 1) for dz in (0, 1)]


def dense_corners(place: Tensor, cells: int) -> tuple[Tensor, Tensor]:
    """Places (8, P) in a grid of (cells + 1)^3 corners, z fastest, around `place` (3, P) in cells; their weights."""
    low = place.detach().floor().clamp(0, cells - 1)
    x, y, z = low.long().unbind()
    side = cells + 1
    first = (x * side + y) * side + z
    offsets = torch.tensor([(dx * side + dy) * side + dz for dx, dy, dz in CORNERS], device=place.device)
    return first + offsets[:, None], corner_weights(place - low)


def corner_weights(share: Tensor) -> Tensor:
    """Trilinear weights (8, P) of the corners of a cell, in the order of CORNERS, at `share` (3, P) of its sides."""
    x, y, z = torch.stack([1 - share, share], 1)  # each (2, P)
    plane = (x[:, None] * y).flatten(0, 1)
    return (plane[:, None] * z).flatten(0, 1)


def interpolate(table: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    """Sum of weight (K, P) times table (F, T) at index (K, P) -> (F, P)."""
    flat = index.reshape(-1)
    return torch.stack([(Take.apply(row, flat).view(index.shape) * weight).sum(0) for row in table.unbind()])


class Take(torch.autograd.Function):
    """row (T,) at index (P,): index_select forwards and scatter_add backwards, each several times as fast on a CPU as
    the other operators with the same meaning.
    """

    @staticmethod
    def forward(ctx, row: Tensor, index: Tensor) -> Tensor:
        ctx.save_for_backward(index)
        ctx.size = len(row)
        return row.index_select(0, index)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return Put.apply(gradient, ctx.saved_tensors[0], ctx.size), None


class Put(torch.autograd.Function):
    """The transpose of Take: values (P,) added up at index (P,) -> (size,)."""

    @staticmethod
    def forward(ctx, values: Tensor, index: Tensor, size: int) -> Tensor:
        ctx.save_for_backward(index)
        return values.new_zeros(size).scatter_add_(0, index, values.contiguous())

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        return Take.apply(gradient, ctx.saved_tensors[0]), None, None

# SPDX-License-Identifier: GPL-3.0-or-later
"""Multi-resolution hash encoding (Instant NGP, Mueller et al. 2022, section 3) in plain PyTorch.

Twice differentiable in the points and in the table, on every device. Each level gathers scalars: on a CPU the backward
pass of a scalar gather is 5 to 15 times as fast as that of a gather of short rows.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

PRIMES = (1, 2654435761, 805459861)  # Instant NGP, equation 4
PUBLISHED_GRID = {"levels": 16, "base": 16, "finest": 4096, "log2_size": 19}  # threestudio's
SMALL_GRID = {"levels": 6, "base": 8, "finest": 96, "log2_size": 16}  # for CPUs


class HashGrid(nn.Module):
    """Points in [0, 1]^3, (P, 3) -> features (P, levels * features).

    Level l has round(base * growth**l) cells per side, from `base` to `finest`. A level with at most 2**log2_size
    corners is stored densely; a finer one shares 2**log2_size entries through a hash.
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
        self.features = features
        self.active = float(levels)
        start = torch.rand(features, sum(self.sizes), generator=generator) * 2e-4 - 1e-4
        self.table = nn.Parameter(start)  # (F, entries of all levels)

    @property
    def width(self) -> int:
        """Number of features per point."""
        return len(self.resolutions) * self.features

    def forward(self, points: Tensor) -> Tensor:
        """(P, 3) -> (P, width). Levels beyond `active` are zero; a fractional `active` fades the next level in."""
        features = []
        for level, part in enumerate(self.table.split(self.sizes, dim=1)):
            share = min(max(self.active - level, 0.0), 1.0)
            if share > 0:
                index, weight = self.corners(points, level)
                level_features = interpolate(part, index, weight)
                features.append(level_features if share == 1 else share * level_features)
            else:
                features.append(points.new_zeros(self.features, len(points)))
        return torch.cat(features).T

    def corners(self, points: Tensor, level: int) -> tuple[Tensor, Tensor]:
        """Table entries (8, P) of the corners around points (P, 3) at a level, and their trilinear weights (8, P)."""
        n = self.resolutions[level]
        position = points.T * n
        if (n + 1) ** 3 <= self.size:
            return dense_corners(position, n)
        low = position.detach().floor().clamp(0, n - 1)
        hashes = [[c * p, (c + 1) * p] for c, p in zip(low.long().unbind(), PRIMES, strict=True)]
        plane = [[hashes[0][dx] ^ hashes[1][dy] for dy in (0, 1)] for dx in (0, 1)]
        index = torch.stack([plane[dx][dy] ^ hashes[2][dz] for dx, dy, dz in CORNERS]) & (self.size - 1)
        return index, corner_weights(position - low)


CORNERS = [(dx, dy, dz) for dx in (0, 1) for dy in (0, 1) for dz in (0, 1)]


def dense_corners(position: Tensor, cells: int) -> tuple[Tensor, Tensor]:
    """Flat indices (8, P) into a grid of (cells + 1)^3 corners, z fastest, around `position` (3, P) in cells, and their
    trilinear weights (8, P)."""
    low = position.detach().floor().clamp(0, cells - 1)
    x, y, z = low.long().unbind()
    side = cells + 1
    first = (x * side + y) * side + z
    offsets = torch.tensor([(dx * side + dy) * side + dz for dx, dy, dz in CORNERS], device=position.device)
    return first + offsets[:, None], corner_weights(position - low)


def corner_weights(fraction: Tensor) -> Tensor:
    """Trilinear weights (8, P) of a cell's corners, in the order of CORNERS, at fractional positions (3, P)."""
    x, y, z = torch.stack([1 - fraction, fraction], 1)  # each (2, P)
    plane = (x[:, None] * y).flatten(0, 1)
    return (plane[:, None] * z).flatten(0, 1)


def interpolate(table: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    """Weighted sum of table entries: table (F, T), index (K, P), weight (K, P) -> (F, P)."""
    flat = index.reshape(-1)
    return torch.stack([(Gather.apply(row, flat).view(index.shape) * weight).sum(0) for row in table.unbind()])


class Gather(torch.autograd.Function):
    """row (T,) at index (P,) -> (P,): index_select forward and scatter_add backward, the fastest operators on a CPU."""

    @staticmethod
    def forward(ctx, row: Tensor, index: Tensor) -> Tensor:
        ctx.save_for_backward(index)
        ctx.size = len(row)
        return row.index_select(0, index)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return Scatter.apply(gradient, ctx.saved_tensors[0], ctx.size), None


class Scatter(torch.autograd.Function):
    """Sum values (P,) at index (P,) -> (size,); the transpose of Gather."""

    @staticmethod
    def forward(ctx, values: Tensor, index: Tensor, size: int) -> Tensor:
        ctx.save_for_backward(index)
        return values.new_zeros(size).scatter_add_(0, index, values.contiguous())

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        return Gather.apply(gradient, ctx.saved_tensors[0]), None, None

# SPDX-License-Identifier: GPL-3.0-or-later
"""Packed ray samples: the sections of all rays in one flat list, and their compositing.

Sections are ordered by ray and ascend along it; `ray` (P,) is each section's ray index. Tensors are padded to the
longest ray and composited by `volume`, so everything runs on every device.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from nerfacc import accumulate_along_rays
from torch import Tensor

from .volume import alpha_weights


@dataclass
class Sections:
    """P sections of rays, ordered by ray and by distance."""

    ray: Tensor  # (P,) int64, ascending ray indices
    starts: Tensor  # (P,) distances along the ray
    ends: Tensor  # (P,)

    @property
    def lengths(self) -> Tensor:
        return self.ends - self.starts

    @property
    def middles(self) -> Tensor:
        return (self.starts + self.ends) / 2

    def points(self, origins: Tensor, directions: Tensor) -> Tensor:
        """Midpoints (P, 3) of the sections of rays (N, 3)."""
        return origins[self.ray] + directions[self.ray] * self.middles[:, None]

    def select(self, keep: Tensor) -> Sections:
        """The sections where keep (P,) is True."""
        return Sections(self.ray[keep], self.starts[keep], self.ends[keep])


def section_weights(alpha: Tensor, ray: Tensor, count: int) -> Tensor:
    """Compositing weights, transmittance x alpha, for alpha (P,) of sections of `count` rays -> (P,)."""
    cell = _table_index(ray, count)
    return alpha_weights(_pad(alpha, cell))[cell]


def transmittance(alpha: Tensor, ray: Tensor, count: int) -> Tensor:
    """Transmittance (P,) up to each section: the product of 1 - alpha over the sections before it on its ray."""
    cell = _table_index(ray, count)
    through = torch.cumprod(1 - _pad(alpha, cell), dim=1)
    return torch.cat([torch.ones_like(through[:, :1]), through[:, :-1]], dim=1)[cell]


def visibility(
    alpha: Tensor, ray: Tensor, count: int, min_alpha: float = 0.0, min_transmittance: float = 1e-4
) -> Tensor:
    """bool (P,): whether transmittance and alpha reach their thresholds, as in nerfacc's render_visibility."""
    return (transmittance(alpha, ray, count) >= min_transmittance) & (alpha >= min_alpha)


def gather_along_rays(weights: Tensor, values: Tensor | None, ray: Tensor, count: int) -> Tensor:
    """Sum weights (P,) times values (P, C), or ones, along each of `count` rays -> (count, C)."""
    return accumulate_along_rays(weights, values, ray, count)


def index_along_rays(ray: Tensor, count: int) -> Tensor:
    """Position (P,) int64 of each section on its ray, counted from 0, for `count` rays."""
    lengths = torch.bincount(ray, minlength=count)
    first = torch.cumsum(lengths, 0) - lengths
    return torch.arange(len(ray), device=ray.device) - first[ray]


def _table_index(ray: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Row and column of each section in a table with one row per ray."""
    return ray, index_along_rays(ray, count)


def _pad(values: Tensor, cell: tuple[Tensor, Tensor]) -> Tensor:
    """(P,) -> (rows, columns), padded with zeros."""
    row, column = cell
    size = (int(row[-1]) + 1, int(column.max()) + 1) if len(row) else (1, 1)
    return values.new_zeros(size).index_put((row, column), values)

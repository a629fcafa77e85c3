# SPDX-License-Identifier: GPL-3.0-or-later
"""Sections of rays in one flat list, only where there is something to see, and what rays gather from them.

All sections of all rays lie one after another, ascending along each ray: `ray` (P,) says whose a section is. The
arithmetic is that of `volume`, on tensors padded to the longest ray, so it runs on every device.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from nerfacc import accumulate_along_rays
from torch import Tensor

from .volume import alpha_weights


@dataclass
class Sections:
    """ray (P,) int64, ascending; starts and ends (P,): distances along the rays."""

    ray: Tensor
    starts: Tensor
    ends: Tensor

    @property
    def lengths(self) -> Tensor:
        return self.ends - self.starts

    @property
    def middles(self) -> Tensor:
        return (self.starts + self.ends) / 2

    def points(self, origins: Tensor, directions: Tensor) -> Tensor:
        """The middles (P, 3) of the sections of rays (N, 3)."""
        return origins[self.ray] + directions[self.ray] * self.middles[:, None]

    def select(self, keep: Tensor) -> Sections:
        """Those where keep (P,) is True."""
        return Sections(self.ray[keep], self.starts[keep], self.ends[keep])


def section_weights(alpha: Tensor, ray: Tensor, count: int) -> Tensor:
    """Transmittance x alpha for alpha (P,) of sections of `count` rays -> (P,)."""
    place = _place(ray, count)
    return alpha_weights(_pad(alpha, place))[place]


def transmittance(alpha: Tensor, ray: Tensor, count: int) -> Tensor:
    """Share of light that gets to each section: the product of 1 - alpha before it on its ray, (P,)."""
    place = _place(ray, count)
    through = torch.cumprod(1 - _pad(alpha, place), dim=1)
    return torch.cat([torch.ones_like(through[:, :1]), through[:, :-1]], dim=1)[place]


def visible(alpha: Tensor, ray: Tensor, count: int, alpha_least: float = 0.0, light_least: float = 1e-4) -> Tensor:
    """bool (P,): sections that enough light reaches and that are not too thin, as nerfacc's visibility."""
    return (transmittance(alpha, ray, count) >= light_least) & (alpha >= alpha_least)


def gather_along_rays(weights: Tensor, values: Tensor | None, ray: Tensor, count: int) -> Tensor:
    """Sum of weights (P,) times values (P, C), or ones, along each of `count` rays -> (count, C)."""
    return accumulate_along_rays(weights, values, ray, count)


def place_on_rays(ray: Tensor, count: int) -> Tensor:
    """0, 1, 2, ... for the sections of each of `count` rays, (P,) int64."""
    lengths = torch.bincount(ray, minlength=count)
    first = torch.cumsum(lengths, 0) - lengths
    return torch.arange(len(ray), device=ray.device) - first[ray]


def _place(ray: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Row and column of each section in a table with a row for each ray."""
    return ray, place_on_rays(ray, count)


def _pad(values: Tensor, place: tuple[Tensor, Tensor]) -> Tensor:
    """(P,) -> (rows, columns), zeros where a ray has no more sections."""
    row, column = place
    size = (int(row[-1]) + 1, int(column.max()) + 1) if len(row) else (1, 1)
    return values.new_zeros(size).index_put((row, column), values)

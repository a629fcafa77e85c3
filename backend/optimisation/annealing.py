# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers that change while an optimisation runs: threestudio's scheduled values, ranges of timesteps, noise levels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

Scheduled = float | Sequence[float]


def at(value: Scheduled, position: float) -> float:
    """A scheduled number at a position in steps, counted as the published configurations do.

    A number is constant. (first step, value, next value, step, value, step, ...) runs straight between its corners and
    is constant outside; with three numbers the first step is 0: (value, next value, step). ValueError for two numbers.
    """
    if isinstance(value, (int, float)):
        return float(value)
    if len(value) == 3:
        value = (0, *value)
    if len(value) < 4 or len(value) % 2:
        raise ValueError("A schedule is (step, value, value, step), and pairs (value, step) after that.")
    corners = [(value[0], value[1]), *((value[i + 1], value[i]) for i in range(2, len(value), 2))]
    for (start, before), (end, after) in pairwise(corners):
        if position < end:
            share = min(max((position - start) / (end - start), 0.0), 1.0)
            return float(before + share * (after - before))
    return float(corners[-1][1])


def draw_timesteps(
    count: int, position: float, least: Scheduled, most: Scheduled, total: int, generator: torch.Generator
) -> Tensor:
    """Timesteps (count,) int64, on the generator's device, even between the shares `least` and `most` (0..1) of
    `total` at this position."""
    low, high = (min(round(total * at(value, position)), total - 1) for value in (least, most))
    return torch.randint(low, max(high, low) + 1, (count,), generator=generator, device=generator.device)


def sqrt_anneal(position: float, steps: float, total: int, least: float = 0.2, most: float = 0.98) -> int:
    """HiFA's timestep for this position of `steps`: from `most` to `least` of `total`, quickly at first
    (Zhu and Zhuang 2024)."""
    share = min(max(position / steps, 0.0), 1.0)
    return round(total * (most - (most - least) * share**0.5))

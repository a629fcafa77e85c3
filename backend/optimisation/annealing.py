# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers that change during an optimisation (threestudio's scheduled values), and the timesteps drawn with them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor


@dataclass(frozen=True, init=False)
class Schedule:
    """A value that runs straight between corners (step, value) and is constant before the first and after the last.

    Schedule((0, 0.4), (200, 0.2)) falls from 0.4 to 0.2 in the first 200 steps. ValueError for less than two corners,
    or steps that do not ascend.
    """

    corners: tuple[tuple[float, float], ...]

    def __init__(self, *corners: tuple[float, float]) -> None:
        if len(corners) < 2 or any(end <= start for (start, _), (end, _) in pairwise(corners)):
            raise ValueError("A schedule has two or more corners (step, value), whose steps ascend.")
        object.__setattr__(self, "corners", corners)

    def at(self, position: float) -> float:
        """The value at a position in steps."""
        for (start, before), (end, after) in pairwise(self.corners):
            if position < end:
                share = min(max((position - start) / (end - start), 0.0), 1.0)
                return float(before + share * (after - before))
        return float(self.corners[-1][1])

    def stretched(self, factor: float) -> Schedule:
        """The schedule of an optimisation with `factor` times as many steps."""
        return Schedule(*((step * factor, value) for step, value in self.corners))


Scheduled = float | Schedule


def at(value: Scheduled, position: float) -> float:
    """A constant, or a schedule's value at a position in steps."""
    return value.at(position) if isinstance(value, Schedule) else float(value)


def draw_timesteps(
    count: int, position: float, least: Scheduled, most: Scheduled, total: int, generator: torch.Generator
) -> Tensor:
    """Timesteps (count,) int64, on the generator's device, even between the shares `least` and `most` (0..1) of
    `total` at this position."""
    low, high = (min(round(total * at(value, position)), total - 1) for value in (least, most))
    return torch.randint(low, max(high, low) + 1, (count,), generator=generator, device=generator.device)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples a rectified flow (Liu et al. 2023) with classifier-free guidance, as TripoSG does."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

TIMES = 1000  # the time of pure noise

Velocity = Callable[[Tensor, float, bool], Tensor]
"""latents (1, N, C), time from TIMES to 0, whether with the condition -> velocity (1, N, C), from noise to data."""


def noise_levels(steps: int) -> Tensor:
    """The shares of noise (steps + 1,), from 1 to 0 in equal steps."""
    return torch.linspace(1, 0, steps + 1, dtype=torch.float64)


def sample_flow(velocity: Velocity, noise: Tensor, steps: int, guidance_scale: float) -> Iterator[Tensor]:
    """The latents (1, N, C) after each of Euler's steps from the noise (1, N, C).

    guidance_scale: 1 follows the condition as it is, and spares the half of the evaluations that has none.
    """
    latents, levels = noise, noise_levels(steps)
    for level, following in zip(levels[:-1].tolist(), levels[1:].tolist(), strict=True):
        v = velocity(latents, TIMES * level, True)
        if guidance_scale != 1:
            free = velocity(latents, TIMES * level, False)
            v = free + guidance_scale * (v - free)
        latents = latents + (level - following) * v
        yield latents

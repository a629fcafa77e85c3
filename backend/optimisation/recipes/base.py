# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of an optimisation."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ...diffusion.guidance import Weighting
from ...rendering.cameras import Camera, orbit
from ...rendering.occupancy import DECAY
from ..annealing import Schedule, Scheduled, at

PUBLISHED_ELEMENTS = 4 * 32 * 32  # of the latent that the published weights of losses belong to


@dataclass(frozen=True)
class Recipe:
    """The settings of one optimisation. Where a field names stages, each milestone begins the next of its values."""

    steps: int = 600
    milestones: tuple[int, ...] = (200, 300)  # steps at which a stage ends
    reference_size: tuple[int, ...] = (128, 256, 512)  # pixels a side of the reference view, in each stage
    random_size: tuple[int, ...] = (64, 128, 256)  # pixels a side of random views, in each stage
    batch: tuple[int, ...] = (12, 4, 2)  # random views of a step, in each stage
    least_t: Scheduled = 0.02  # lowest timestep, as a share of all
    most_t: Scheduled = 0.98  # highest timestep, as a share of all
    guidance_scale: float = 3.0  # 1 is no guidance
    weighting: Weighting = "sds"  # of the timesteps, see guidance.sds_gradient
    fov_deg: float = 20.0  # vertical field of view of random cameras
    radius: tuple[float, float] = (3.8, 3.8)  # least and largest distance of random cameras
    elevation_deg: tuple[float, float] = (-10.0, 80.0)  # least and largest elevation of random cameras
    rate: float = 0.01  # learning rate
    decay: float = 1.0  # share of the learning rate that is left at the end
    section: float = 0.005  # length of a ray's sections
    memory: tuple[float, int] = (DECAY, 1)  # occupancy grid: decay, and points sampled in a cell at each update
    weights: Mapping[str, Scheduled] = field(default_factory=dict)  # of the losses, by name; see `weight`

    def stage(self, position: float) -> int:
        """Number of milestones passed: the index of the values that hold at this position."""
        return bisect_right(self.milestones, position)

    def weight(self, name: str, position: float) -> float:
        """A loss's weight at a position in steps; 0, where there is none, means that the loss is not computed.

        A name may end in the kind of view, "sparsity random" or "sparsity reference"; without a weight of its own it
        has that of its first word.
        """
        return at(self.weights.get(name, self.weights.get(name.split()[0], 0.0)), position)

    def cameras(self, position: float, generator: torch.Generator) -> list[Camera]:
        """Random cameras of one step: azimuth, elevation and distance are uniform."""
        stage = self.stage(position)
        draw = torch.rand(self.batch[stage], 3, generator=generator, device=generator.device).cpu()
        low = torch.tensor([-180.0, self.elevation_deg[0], self.radius[0]])
        high = torch.tensor([180.0, self.elevation_deg[1], self.radius[1]])
        size = self.random_size[stage]
        return [Camera(orbit(a, e, r), self.fov_deg, size, size) for a, e, r in (low + draw * (high - low)).tolist()]

    def shortened(self, steps: int) -> Recipe:
        """The recipe for another number of steps (0 keeps them): schedules and milestones are scaled with it."""
        return self if steps in (0, self.steps) else replace(self, **_stretched(self, steps / self.steps), steps=steps)


def _stretched(recipe: Recipe, factor: float) -> dict[str, object]:
    def stretch(value: Scheduled) -> Scheduled:
        return value.stretched(factor) if isinstance(value, Schedule) else value

    return {
        "milestones": tuple(round(m * factor) for m in recipe.milestones),
        "least_t": stretch(recipe.least_t),
        "most_t": stretch(recipe.most_t),
        "weights": {name: stretch(value) for name, value in recipe.weights.items()},
    }


def elements(latents: Tensor) -> float:
    """Factor that brings a sum over latents (B, C, h, w) to the size that the published weights were made for."""
    return PUBLISHED_ELEMENTS / latents[0].numel()

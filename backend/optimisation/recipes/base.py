# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of optimisation with an image-conditioned prior: as published, and for small priors on a CPU."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ...diffusion.guidance import Weighting
from ...interface.view_set import FOV_DEG
from ...interface.view_set import RADIUS as RIG_RADIUS
from ...rendering.cameras import Camera, orbit
from ...rendering.occupancy import DECAY
from ..annealing import Schedule, Scheduled, at

PUBLISHED_ELEMENTS = 4 * 32 * 32  # of the latent that the published weights of losses belong to
# A small prior knows less of a shape than the mesh that the optimisation begins with, so it moves that only gently.
GENTLE_RATE = 0.005
GENTLE_WEIGHTS = {"picture": 50.0, "silhouette": 2.0, "color": 100.0, "eikonal": 3.0, "opaqueness": 0.0}
START_WEIGHT = 5.0  # of the loss that keeps the field near the mesh that it began as


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


ZERO123_XL = Recipe(  # threestudio's zero123.yaml
    least_t=Schedule((0, 0.4), (200, 0.2)),
    most_t=Schedule((0, 0.85), (200, 0.5)),
    weights={
        "prior": 0.1,
        "color": 500,
        "mask": 50,
        "orientation": 1,
        "sparsity random": 0.1,
        "opaqueness": 0.1,
        "normal_smoothness": 8,
        "normal_jitter": 8,
    },
)
STABLE_ZERO123 = replace(  # stable-zero123.yaml
    ZERO123_XL,
    batch=(12, 8, 4),
    least_t=Schedule((50, 0.7), (200, 0.3)),
    most_t=Schedule((50, 0.98), (200, 0.8)),
    weights={
        "prior": 0.1,
        "color": Schedule((100, 500), (400, 1000)),
        "mask": 50,
        "orientation": 1,
        "sparsity random": 0.5,
        "opaqueness": 0.5,
        "normal_smoothness": Schedule((100, 7), (150, 5), (200, 10)),
        "normal_jitter": Schedule((100, 7), (150, 5), (200, 10)),
    },
)
SJC = Recipe(  # Zero-1-to-3's own 3D reconstruction; timesteps 10 to 969, and its scale 100 counts from 0
    steps=10_000,
    milestones=(),
    reference_size=(32,),
    random_size=(32,),
    batch=(1,),
    least_t=0.01,
    most_t=0.969,
    guidance_scale=101,
    weighting="uniform",
    fov_deg=49.1,
    radius=(1.8, 2.2),
    elevation_deg=(-14, 80),
    rate=0.05,
    section=0.01,
    weights={
        "prior": 1,
        "color": 10_000,
        "depth_smoothness reference": 1000,
        "depth_smoothness random": Schedule((5000, 0), (5001, 10_000)),
        "near_view": 10_000,
    },
)

# For a prior of 64 pixels and hash_field.small on a CPU: fewer and longer steps. Losses on normals would double the
# time; the silhouettes of the prior's own images replace them, because white fog costs nothing on white.
SMALL = replace(
    ZERO123_XL,
    steps=160,
    milestones=(60, 120),
    reference_size=(32, 64, 64),
    random_size=(32, 48, 64),
    batch=(4, 3, 2),
    least_t=Schedule((0, 0.4), (60, 0.2)),
    most_t=Schedule((0, 0.85), (60, 0.5)),
    guidance_scale=1.0,
    rate=0.06,
    section=0.025,
    memory=(0.5, 4),
    weights={
        "prior": 0.1,
        "color": 500,
        "mask": 50,
        "silhouette": 20,
        "sparsity random": 0.1,
        "opaqueness": Schedule((0, 0.1), (100, 2)),
    },
)
# The starter knows the views of One-2-3-45's rig. It was mostly trained at the last timestep, where only the x0 form
# has a signal, taken between images (HiFA's image-space residual) because its latents are only 8 x 8.
STARTER = replace(
    SMALL,
    rate=0.02,
    least_t=1.0,
    most_t=1.0,
    weighting="x0",
    fov_deg=FOV_DEG,
    radius=(RIG_RADIUS, RIG_RADIUS),
    elevation_deg=(-35, 65),
    weights=dict(SMALL.weights) | {"prior": 0, "picture": 500},
)
SMALL_SJC = replace(  # at 64 pixels 3DRec's weights of depth would outweigh the image: its background is far away
    SMALL,
    weighting="uniform",
    rate=0.05,
    weights=dict(SMALL.weights)
    | {"prior": 0.5, "silhouette": 5, "depth_smoothness random": Schedule((80, 0), (81, 0.1)), "near_view": 0.2},
)
STARTER_SJC = replace(SMALL_SJC, fov_deg=FOV_DEG, radius=(RIG_RADIUS, RIG_RADIUS), elevation_deg=(-35, 65))


def refining(recipe: Recipe, gently: bool = False) -> Recipe:
    """The recipe for a field that begins as a mesh: noise as low as at the recipe's end, and a loss named "start" that
    keeps the field near the mesh, in units of the field's own level.

    gently: for a signed distance that a small prior moves.
    """
    if gently:
        recipe = replace(recipe, rate=GENTLE_RATE, weights=dict(recipe.weights) | GENTLE_WEIGHTS)
    return replace(
        recipe,
        least_t=at(recipe.least_t, recipe.steps),
        most_t=at(recipe.most_t, recipe.steps),
        weights=dict(recipe.weights) | {"start": START_WEIGHT},
    )


def elements(latents: Tensor) -> float:
    """Factor that brings a sum over latents (B, C, h, w) to the size that the published weights were made for."""
    return PUBLISHED_ELEMENTS / latents[0].numel()

# SPDX-License-Identifier: GPL-3.0-or-later
"""The published settings of optimisation against an image's prior, and what of them suits a small prior on a CPU."""

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
from ..annealing import Scheduled, at

PUBLISHED_ELEMENTS = 4 * 32 * 32  # of the latent that the published weights of losses belong to
GENTLE_RATE = 0.005  # of a mesh that the starter refines, whose pictures know less of the shape than the mesh does
GENTLE = {"picture": 50.0, "silhouette": 2.0, "color": 100.0, "eikonal": 3.0, "opaqueness": 0.0}
STAY = 5.0  # weight of staying near the mesh that an optimisation begins with


@dataclass(frozen=True)
class Recipe:
    """steps; milestones: the steps at which the next of reference_size, random_size (pixels a side) and batch holds.

    least_t, most_t: shares of the timesteps. guidance_scale: 1 is none. clip: largest norm of one picture's gradient
    per element, 0 for none. fov_deg, radius (least, most), elevation_deg (least, most): the random cameras.
    rate: of learning; decay: the share of it that is left at the end. section: length of a ray's sections.
    memory: what an empty cell keeps of its opacity from one look to the next, and the points looked at in each.
    weights: of the losses, by name; what is absent or 0 is not computed.
    """

    steps: int = 600
    milestones: tuple[int, ...] = (200, 300)
    reference_size: tuple[int, ...] = (128, 256, 512)
    random_size: tuple[int, ...] = (64, 128, 256)
    batch: tuple[int, ...] = (12, 4, 2)
    least_t: Scheduled = (0.4, 0.2, 200)
    most_t: Scheduled = (0.85, 0.5, 200)
    guidance_scale: float = 3.0
    weighting: Weighting = "sds"
    clip: float = 0.0
    fov_deg: float = 20.0
    radius: tuple[float, float] = (3.8, 3.8)
    elevation_deg: tuple[float, float] = (-10.0, 80.0)
    rate: float = 0.01
    decay: float = 1.0
    section: float = 0.005
    memory: tuple[float, int] = (DECAY, 1)
    weights: Mapping[str, Scheduled] = field(default_factory=dict)

    def stage(self, position: float) -> int:
        """Which of the milestones have passed."""
        return bisect_right(self.milestones, position)

    def weight(self, name: str, position: float) -> float:
        """A loss's weight at a position in steps, 0 for one that is not wanted; "sparsity random" is the random views'
        sparsity, whose weight may differ from the reference view's."""
        return at(self.weights.get(name, self.weights.get(name.split()[0], 0.0)), position)

    def cameras(self, position: float, generator: torch.Generator) -> list[Camera]:
        """The random cameras of one step, all around, even in azimuth and in elevation."""
        stage = self.stage(position)
        draw = torch.rand(self.batch[stage], 3, generator=generator, device=generator.device).cpu()
        low = torch.tensor([-180.0, self.elevation_deg[0], self.radius[0]])
        high = torch.tensor([180.0, self.elevation_deg[1], self.radius[1]])
        size = self.random_size[stage]
        return [Camera(orbit(a, e, r), self.fov_deg, size, size) for a, e, r in (low + draw * (high - low)).tolist()]

    def shortened(self, steps: int) -> Recipe:
        """The same course in another number of steps: everything that changes does so at the same share of it."""
        return self if steps in (0, self.steps) else replace(self, **_stretched(self, steps / self.steps), steps=steps)


def _stretched(recipe: Recipe, factor: float) -> dict[str, object]:
    def stretch(value: Scheduled) -> Scheduled:
        if isinstance(value, (int, float)):
            return value
        full = (0, *value) if len(value) == 3 else tuple(value)
        return tuple(v * factor if i == 0 or (i >= 3 and i % 2) else v for i, v in enumerate(full))

    return {
        "milestones": tuple(round(m * factor) for m in recipe.milestones),
        "least_t": stretch(recipe.least_t),
        "most_t": stretch(recipe.most_t),
        "weights": {name: stretch(value) for name, value in recipe.weights.items()},
    }


ZERO123_XL = Recipe(  # threestudio's zero123.yaml
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
    least_t=(50, 0.7, 0.3, 200),
    most_t=(50, 0.98, 0.8, 200),
    weights={
        "prior": 0.1,
        "color": (100, 500, 1000, 400),
        "mask": 50,
        "orientation": 1,
        "sparsity random": 0.5,
        "opaqueness": 0.5,
        "normal_smoothness": (100, 7, 5, 150, 10, 200),
        "normal_jitter": (100, 7, 5, 150, 10, 200),
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
        "depth_smoothness random": (5000, 0, 10_000, 5001),
        "near_view": 10_000,
    },
)

# For a prior of 64 pixels and a field of hash_field.small on a CPU: fewer and longer steps, no normals, which cost as
# much as all the rest; the silhouettes of the prior's own pictures instead, because white fog costs nothing on white.
SMALL = replace(
    ZERO123_XL,
    steps=160,
    milestones=(60, 120),
    reference_size=(32, 64, 64),
    random_size=(32, 48, 64),
    batch=(4, 3, 2),
    least_t=(0.4, 0.2, 60),
    most_t=(0.85, 0.5, 60),
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
        "opaqueness": (0, 0.1, 2, 100),
    },
)
# The starter's views are those of One-2-3-45's rig; it was mostly trained to answer at the last timestep, where only
# the x0 form has a signal, taken on pictures (HiFA's image-space residual) because its latents are only 8 x 8.
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
SMALL_SJC = replace(  # at 64 pixels 3DRec's weights of depth would outweigh the picture, whose background is FAR away
    SMALL,
    weighting="uniform",
    rate=0.05,
    weights=dict(SMALL.weights)
    | {"prior": 0.5, "silhouette": 5, "depth_smoothness random": (80, 0, 0.1, 81), "near_view": 0.2},
)
STARTER_SJC = replace(SMALL_SJC, fov_deg=FOV_DEG, radius=(RIG_RADIUS, RIG_RADIUS), elevation_deg=(-35, 65))


def refining(course: Recipe, gently: bool = False) -> Recipe:
    """The same course for a field that begins as a mesh: no more noise than the course ends with, and kept near what it
    began as ("start", in units of the field's own level). gently: a signed distance, moved by the small prior."""
    if gently:
        course = replace(course, rate=GENTLE_RATE, weights=dict(course.weights) | GENTLE)
    return replace(
        course,
        least_t=at(course.least_t, course.steps),
        most_t=at(course.most_t, course.steps),
        weights=dict(course.weights) | {"start": STAY},
    )


def elements(latents: Tensor) -> float:
    """What brings a sum over latents (B, C, h, w) to the size that the published weights were made for."""
    return PUBLISHED_ELEMENTS / latents[0].numel()

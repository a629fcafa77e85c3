# SPDX-License-Identifier: GPL-3.0-or-later
"""Make-It-3D's settings, as released, and what of them suits a small prior on a CPU."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch

from ...rendering.cameras import Camera, orbit
from . import base
from .text_prior import LATENT, PromptRecipe

SECTORS = ((-60, 60), (-135, -60), (60, 135), (135, 225))  # azimuths, all around...
SHARES = (0.3, 0.5, 0.7)  # ...and where in 0..1 the next one's share begins


@dataclass(frozen=True)
class ImageRecipe(PromptRecipe):
    """What Make-It-3D draws besides (sections 3.1 and 3.2).

    narrow_deg: how far the random cameras may turn from the reference in the first narrow_steps. clip_below: share of
    the timesteps below which CLIP judges the denoised picture, in the place of SDS. back_deg: within this of the back
    there is SDS at every timestep, because the back need not look like the picture.
    """

    narrow_deg: float = 45.0
    narrow_steps: float = 2000
    clip_below: float = 0.4
    back_deg: float = 45.0

    def cameras(self, position: float, generator: torch.Generator) -> list[Camera]:
        """Around the reference at first, and all around later."""
        stage, is_narrow = self.stage(position), position < self.narrow_steps
        draw = torch.rand(self.batch[stage], 5, generator=generator, device=generator.device).tolist()
        size, cameras = self.random_size[stage], []
        for which, turn, *others in draw:
            azimuth = self.narrow_deg * (2 * turn - 1) if is_narrow else around(which, turn)
            elevation, radius, fov = (
                low + share * (high - low)
                for share, (low, high) in zip(others, (self.elevation_deg, self.radius, self.fov_range), strict=True)
            )
            cameras.append(Camera(orbit(azimuth, elevation, radius), fov, size, size))
        return cameras

    def is_behind(self, azimuth_deg: float) -> bool:
        return abs(abs((azimuth_deg + 180) % 360 - 180) - 180) < self.back_deg

    def shortened(self, steps: int) -> ImageRecipe:
        short = super().shortened(steps)
        assert isinstance(short, ImageRecipe)
        return replace(short, narrow_steps=self.narrow_steps * short.steps / self.steps)


def around(which: float, turn: float) -> float:
    """An azimuth from two numbers 0..1: the sector, and the place in it."""
    low, high = SECTORS[bisect_right(SHARES, which)]
    return low + turn * (high - low)


@dataclass(frozen=True)
class RefineRecipe:
    """The second stage.

    size: pixels a side of the finest picture; batch: random views a step; azimuths, elevations: of the views that make
    the cloud, each with each; dense: how many times finer than a picture those are; channels: learned numbers of a
    point beside its colour; spread: their deviation at first; radius: of a point, a share of the picture's height;
    rate, point_rate: of learning, the network's and the descriptors'; weights: of the losses, by name. The rest is the
    first stage's.
    """

    steps: int = 3000
    size: int = 800
    batch: int = 1
    azimuths: tuple[float, ...] = tuple(range(-180, 180, 30))
    elevations: tuple[float, ...] = (0, 20, -20)
    dense: int = 1
    channels: int = 16
    spread: float = 1.0
    radius: float = 2 / 800
    guidance_scale: float = 6.0
    rate: float = 0.001
    point_rate: float = 0.001
    weights: Mapping[str, float] = field(default_factory=dict)


# Released, one step in four is a reference step; here every step is both, so that color and depth weigh a third.
MAKE_IT_3D = ImageRecipe(
    steps=5000,
    milestones=(),
    reference_size=(128,),
    random_size=(128,),
    batch=(1,),
    least_t=0.2,
    most_t=0.6,
    guidance_scale=11.0,
    radius=(3.8, 5.7),
    fov_deg=20.0,
    fov_range=(15.0, 25.0),
    elevation_deg=(-20, 20),
    rate=0.01,
    albedo_steps=3500,
    albedo_share=0.5,
    textureless_share=0.2,
    half_size=0.6,
    background_rate=0.0,
    weights={
        "prior": (400, 0, LATENT, 401),
        "clip": (400, 0, 10, 401),
        "likeness": 1,
        "color": 333,
        "depth": 0.33,
        "mask": 50,
        "opacity": 1e-3,
        "entropy": (400, 1, 10, 401),
        "orientation": (400, 0.02, 0.11, 401),
        "normal_jitter": 1,
    },
)
SMALL = ImageRecipe(  # for a prior of 64 pixels on white and a field of hash_field.small on a CPU, as recipe.SMALL
    steps=160,
    milestones=(60, 120),
    reference_size=(32, 64, 64),
    random_size=(32, 48, 64),
    batch=(4, 3, 2),
    least_t=(0.4, 0.2, 60),
    most_t=(0.85, 0.5, 60),
    guidance_scale=1.0,
    radius=(3.8, 3.8),
    fov_range=(20.0, 20.0),
    elevation_deg=(-30, 70),
    rate=0.06,
    section=0.02,
    memory=(0.5, 4),
    half_size=0.6,
    albedo_steps=1e9,
    background_rate=0.0,
    narrow_steps=30,
    weights=dict(base.SMALL.weights) | {"color": 100, "picture": 100, "clip": 1, "likeness": 0.1, "depth": 1},
)
# The starter for prompts saw its pictures so, and tells more by the picture that it expects than by noise.
STARTER = replace(
    SMALL,
    least_t=(0.6, 0.02, 160),
    most_t=(0.98, 0.5, 160),
    guidance_scale=3.0,
    weighting="x0",
    radius=(1.2, 1.2),
    fov_deg=49.1,
    fov_range=(49.1, 49.1),
    elevation_deg=(-30, 60),
    rate=0.02,
    section=0.025,
    weights=dict(SMALL.weights) | {"prior": 0, "color": 500},
)
REFINE = RefineRecipe(
    weights={
        "prior": LATENT,
        "clip": 10,
        "picture": 0,
        "likeness": 10,
        "contextual": 1,
        "color": 1000,
        "background": 1,
        "anchor": 1e3,
        "canonical": 1e5,
    },
)
SMALL_REFINE = replace(
    REFINE,
    steps=80,
    size=96,
    batch=1,
    azimuths=tuple(range(-180, 180, 45)),
    elevations=(10, -25, 50),
    dense=2,
    spread=0.0,
    radius=0.75 / 96,
    guidance_scale=1.0,
    rate=0.003,
    point_rate=0.01,
    weights=dict(REFINE.weights)
    | {
        "prior": 0,
        "picture": 500,
        "clip": 1,
        "likeness": 1,
        "contextual": 0.1,
        "anchor": 10,
        "canonical": 100,
    },
)
STARTER_REFINE = replace(SMALL_REFINE, guidance_scale=3.0)

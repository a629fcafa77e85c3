# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of Make-It-3D: as released, and for a small prior on a CPU."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch

from ...diffusion.stable_diffusion import TextToImage
from ...fields import hash_field
from ...fields.field import Field
from ...interface.tasks import MakeIt3DParameters
from ...rendering.cameras import Camera, orbit
from ..annealing import Schedule
from . import image_prior
from .text_prior import BANDS, LATENT_PRIOR_WEIGHT, PromptRecipe

SECTORS = ((-60, 60), (-135, -60), (60, 135), (135, 225))  # ranges of random azimuths, in degrees...
SECTOR_ENDS = (0.3, 0.5, 0.7)  # ...of which each but the last is drawn up to this cumulative probability


@dataclass(frozen=True)
class ImageRecipe(PromptRecipe):
    """The first stage (sections 3.1 and 3.2)."""

    narrow_deg: float = 45.0  # largest azimuth from the reference in the first steps
    narrow_steps: float = 2000  # number of these steps
    clip_below: float = 0.4  # share of the timesteps below which CLIP judges the denoised image, in place of SDS
    back_deg: float = 45.0  # within this of the back there is SDS only: the back need not look like the image

    def cameras(self, position: float, generator: torch.Generator) -> list[Camera]:
        """Random cameras around the reference at first, and all around later."""
        stage, is_narrow = self.stage(position), position < self.narrow_steps
        draw = torch.rand(self.batch[stage], 5, generator=generator, device=generator.device).tolist()
        size, cameras = self.random_size[stage], []
        for sector, turn, *others in draw:
            azimuth = self.narrow_deg * (2 * turn - 1) if is_narrow else draw_azimuth(sector, turn)
            elevation, radius, fov = (
                low + share * (high - low)
                for share, (low, high) in zip(others, (self.elevation_deg, self.radius, self.fov_range), strict=True)
            )
            cameras.append(Camera(orbit(azimuth, elevation, radius), fov, size, size))
        return cameras

    def is_behind(self, azimuth_deg: float) -> bool:
        """Whether a camera sees the back."""
        return abs(abs((azimuth_deg + 180) % 360 - 180) - 180) < self.back_deg

    def shortened(self, steps: int) -> ImageRecipe:
        short = super().shortened(steps)
        assert isinstance(short, ImageRecipe)
        return replace(short, narrow_steps=self.narrow_steps * short.steps / self.steps)


def draw_azimuth(sector: float, turn: float) -> float:
    """An azimuth in degrees from two random numbers in 0..1, which choose the sector and the place in it."""
    low, high = SECTORS[bisect_right(SECTOR_ENDS, sector)]
    return low + turn * (high - low)


@dataclass(frozen=True)
class RefineRecipe:
    """The second stage (section 3.3); settings that it lacks are the first stage's."""

    steps: int = 3000
    size: int = 800  # pixels a side of the finest image
    batch: int = 1  # random views of a step
    azimuths: tuple[float, ...] = tuple(range(-180, 180, 30))  # of the views that make the cloud, with all...
    elevations: tuple[float, ...] = (0, 20, -20)  # ...of these, in degrees
    dense: int = 1  # how many times finer than an image those views are
    channels: int = 16  # learned numbers of a point beside its colour
    spread: float = 1.0  # their standard deviation at first
    radius: float = 2 / 800  # of a point, as a share of the image's height
    guidance_scale: float = 6.0  # 1 is no guidance
    rate: float = 0.001  # learning rate of the network
    point_rate: float = 0.001  # learning rate of the points' descriptors
    weights: Mapping[str, float] = field(default_factory=dict)  # of the losses, by name; 0 where there is none


# In the release one step in four is a reference step; here every step is both, so that color and depth weigh a third.
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
        "prior": Schedule((400, 0), (401, LATENT_PRIOR_WEIGHT)),
        "clip": Schedule((400, 0), (401, 10)),
        "likeness": 1,
        "color": 333,
        "depth": 0.33,
        "mask": 50,
        "opacity": 1e-3,
        "entropy": Schedule((400, 1), (401, 10)),
        "orientation": Schedule((400, 0.02), (401, 0.11)),
        "normal_jitter": 1,
    },
)
SMALL = ImageRecipe(  # for a prior of 64 pixels on white and hash_field.small on a CPU, as image_prior.SMALL
    steps=160,
    milestones=(60, 120),
    reference_size=(32, 64, 64),
    random_size=(32, 48, 64),
    batch=(4, 3, 2),
    least_t=Schedule((0, 0.4), (60, 0.2)),
    most_t=Schedule((0, 0.85), (60, 0.5)),
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
    weights=dict(image_prior.SMALL.weights) | {"color": 100, "picture": 100, "clip": 1, "likeness": 0.1, "depth": 1},
)
# The text starter was trained on such images; its denoised image is a stronger signal than its noise prediction.
STARTER = replace(
    SMALL,
    least_t=Schedule((0, 0.6), (160, 0.02)),
    most_t=Schedule((0, 0.98), (160, 0.5)),
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
        "prior": LATENT_PRIOR_WEIGHT,
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


def choose_recipes(model: TextToImage, parameters: MakeIt3DParameters) -> tuple[ImageRecipe, RefineRecipe]:
    """The released settings of both stages for a model, changed as the user wants."""
    coarse, fine = (STARTER, STARTER_REFINE) if model.is_starter else (MAKE_IT_3D, REFINE)
    scale, steps = parameters.guidance_scale, parameters.steps
    if steps:
        fine = replace(fine, steps=max(1, round(fine.steps * steps / coarse.steps)))
    if scale:
        coarse, fine = replace(coarse, guidance_scale=scale), replace(fine, guidance_scale=scale)
    return coarse.shortened(steps), fine


def make_field(model: TextToImage, seed: int) -> Field:
    """The first stage's field for a model."""
    return hash_field.small(seed=seed) if model.is_starter else hash_field.published(seed=seed, bands=BANDS)

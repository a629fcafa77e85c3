# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of MVDream's optimisation: as published, and for a small prior on a CPU."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...diffusion.mvdream import VIEWS, MultiView
from ...interface.tasks import MVDreamParameters
from ...interface.view_set import FOV_DEG, RADIUS
from ...rendering.cameras import Camera, orbit
from ..annealing import Schedule
from . import text_prior
from .text_prior import PromptRecipe

NEGATIVE = (
    "blurry, low quality, low resolution, noisy, pixelated, oversaturated, overexposed, washed out, watermark, text, "
    "signature, frame, cropped, out of frame, deformed, disfigured, extra limbs, duplicate, ugly"
)


HALF_VIEW = RADIUS * math.tan(math.radians(FOV_DEG) / 2)  # half the height that the starter's cameras see


@dataclass(frozen=True)
class MultiViewRecipe(PromptRecipe):
    """MVDream's sets of cameras, random backgrounds and soft light (appendix). `radius` is that of previews."""

    views: int = VIEWS  # cameras of a set, which share elevation, lens and distance
    fill: tuple[float, float] = (0.8, 1.0)  # half the height that a view shows, least and most, in units of half_size
    rescale: float = 0.5  # share of the contrast added by guidance that is taken back
    random_background: float = 0.5  # share of steps in front of one random colour
    soft_light: bool = True
    network_rate: float = 0.0  # learning rate of everything but the hash grid; 0 for `rate`
    negative: str = NEGATIVE  # negative prompt where the user gives none

    def cameras(self, position: float, generator: torch.Generator) -> list[Camera]:
        """Sets of cameras at evenly spaced azimuths, the first one random; elevations as DreamFusion's."""
        stage = self.stage(position)

        def draw(low: float, high: float, count: int = 1) -> Tensor:
            return low + (high - low) * torch.rand(count, generator=generator, device=generator.device).cpu()

        cameras, size = [], self.random_size[stage]
        for _ in range(max(1, self.batch[stage] // self.views)):
            even = draw(0, 1).item() < 0.5
            elevation, fov = math.degrees(self.draw_elevation(even, draw)), draw(*self.fov_range).item()
            distance = self.half_size * draw(*self.fill).item() / math.tan(math.radians(fov) / 2)
            turn = draw(0, 1).item()
            azimuths = [360 * (turn + i) / self.views - 180 for i in range(self.views)]
            cameras += [Camera(orbit(azimuth, elevation, distance), fov, size, size) for azimuth in azimuths]
        return cameras

    def shortened(self, steps: int) -> MultiViewRecipe:
        short = super().shortened(steps)
        assert isinstance(short, MultiViewRecipe)
        return short


PUBLISHED = MultiViewRecipe(  # MVDream-threestudio's mvdream-sd21-shading.yaml
    steps=10_000,
    milestones=(5000,),
    random_size=(64, 256),
    batch=(8, 4),
    least_t=Schedule((0, 0.98), (8000, 0.02)),
    most_t=Schedule((0, 0.98), (8000, 0.5)),
    guidance_scale=50.0,
    weighting="x0",
    fov_range=(15.0, 60.0),
    elevation_deg=(0, 30),
    albedo_steps=5000,
    albedo_share=0.25,
    textureless_share=0.5,
    rate=0.01,
    network_rate=0.001,
    section=2 * 1.732 / 512,
    fov_deg=40.0,
    radius=(3.0, 3.0),
    weights={"prior": 1, "orientation": Schedule((0, 10), (5000, 1000))},
)
# For a prior of 64 pixels on white and hash_field.small on a CPU: the one lens and distance that it was trained with,
# and the silhouettes of the images that it expects, as in text_prior.SMALL.
REPLACED = ("batch", "elevation_deg", "fov_range", "soft_light")
SMALL = MultiViewRecipe(
    **{name: value for name, value in vars(text_prior.SMALL).items() if name not in REPLACED},
    batch=(4, 4),
    elevation_deg=(-10, 40),
    fov_range=(FOV_DEG, FOV_DEG),
    fill=(HALF_VIEW / 0.6, HALF_VIEW / 0.6),
    random_background=0.0,
    negative="",
)
STARTER = replace(SMALL, guidance_scale=3.0, **text_prior.HIGH_NOISE).shortened(120)


def choose_recipe(model: MultiView, parameters: MVDreamParameters) -> MultiViewRecipe:
    """The published settings for a model, changed as the user wants."""
    recipe = STARTER if model.is_starter else PUBLISHED
    if not parameters.shading:
        recipe = replace(recipe, albedo_steps=float("inf"), weights=dict(recipe.weights) | {"orientation": 0})
    scale = parameters.guidance_scale or recipe.guidance_scale
    return replace(recipe.shortened(parameters.steps), guidance_scale=scale, rescale=parameters.rescale)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of optimisation with a text-conditioned prior: as published, and for small priors on a CPU."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ...diffusion.stable_diffusion import TextToImage
from ...fields import hash_field, sdf_field
from ...fields.field import Field
from ...interface.tasks import DreamFusionParameters
from ...rendering.cameras import Camera
from ...rendering.shading import Shading
from ..annealing import Schedule
from .base import PUBLISHED_ELEMENTS, Recipe

BANDS = (0.2, 0.6)  # shares of the steps at which a published hash grid begins to show finer levels, and shows all
BALL_RADIUS = 7 / 12  # of the sphere that a signed distance begins as, in half sides of the cube


@dataclass(frozen=True)
class PromptRecipe(Recipe):
    """DreamFusion's random lenses, cameras, light and shading (section 3.1). `fov_deg` is that of previews."""

    fov_range: tuple[float, float] = (40.0, 70.0)  # least and largest vertical field of view of random cameras
    position_noise: float = 0.1  # largest shift of a camera along each axis
    centre_noise: float = 0.2  # standard deviation of the point that a camera looks at
    up_noise: float = 0.02  # standard deviation of a camera's up vector
    albedo_steps: float = 2001  # first steps, without light
    albedo_share: float = 0.25  # share of the later steps that are without light too
    textureless_share: float = 0.5  # share of the lit steps that are without colours
    soft_light: bool = False  # whether the share of ambient light is random
    background_rate: float = 0.001  # learning rate of the background network; 0 for plain white
    half_size: float = 1.0  # half the side of the cube where the object is

    def cameras(self, position: float, generator: torch.Generator) -> list[Camera]:
        """Random cameras as threestudio draws them: in half of the batches the elevation is uniform, in the others its
        sine, so that the view sphere is covered evenly."""
        stage = self.stage(position)

        def draw(low: float, high: float, count: int = 1) -> Tensor:
            return low + (high - low) * torch.rand(count, generator=generator, device=generator.device).cpu()

        def noise(deviation: float) -> Tensor:
            return deviation * torch.randn(3, generator=generator, device=generator.device).cpu()

        even, cameras = draw(0, 1).item() < 0.5, []
        for _ in range(self.batch[stage]):
            azimuth, elevation = math.radians(draw(-180, 180).item()), self.draw_elevation(even, draw)
            around = torch.tensor(
                [math.sin(azimuth) * math.cos(elevation), -math.cos(azimuth) * math.cos(elevation), math.sin(elevation)]
            )
            place = draw(*self.radius) * around + draw(-self.position_noise, self.position_noise, 3)
            matrix = look_at(place, noise(self.centre_noise), torch.tensor([0.0, 0, 1]) + noise(self.up_noise))
            size = self.random_size[stage]
            cameras.append(Camera(matrix, draw(*self.fov_range).item(), size, size))
        return cameras

    def draw_elevation(self, even: bool, draw: Callable[..., Tensor]) -> float:
        """An elevation in radians, uniform in the angle if `even`, else in its sine."""
        low, high = (math.radians(limit) for limit in self.elevation_deg)
        return draw(low, high).item() if even else math.asin(draw(math.sin(low), math.sin(high)).item())

    def draw_shading(self, position: float, generator: torch.Generator) -> Shading:
        """The albedo alone at first; later mostly lit, and partly without colours, so that the shape must tell."""
        share, textureless = torch.rand(2, generator=generator, device=generator.device).tolist()
        if position < self.albedo_steps or share < self.albedo_share:
            return "albedo"
        return "textureless" if textureless < self.textureless_share else "lambertian"

    def shortened(self, steps: int) -> PromptRecipe:
        short = super().shortened(steps)
        assert isinstance(short, PromptRecipe)
        return replace(short, albedo_steps=self.albedo_steps * short.steps / self.steps)


def look_at(position: Tensor, centre: Tensor, up: Tensor) -> Tensor:
    """Camera-to-world matrix (4, 4) of a camera at `position` that looks at `centre`; all (3,)."""
    back = normalize(position - centre, dim=0)
    right = normalize(torch.linalg.cross(up, back), dim=0)
    matrix = torch.eye(4)
    matrix[:3] = torch.stack([right, torch.linalg.cross(back, right), back, position], 1)
    return matrix


# threestudio's weight of the prior, 1, belongs to a sum over such latents, or pixels of DeepFloyd IF.
LATENT_PRIOR_WEIGHT = 4 * 64 * 64 / PUBLISHED_ELEMENTS
PIXEL_PRIOR_WEIGHT = 3 * 64 * 64 / PUBLISHED_ELEMENTS
STABLE_DIFFUSION = PromptRecipe(  # threestudio's dreamfusion-sd.yaml
    steps=10_000,
    milestones=(),
    random_size=(64,),
    batch=(1,),
    least_t=0.02,
    most_t=0.98,
    guidance_scale=100.0,
    fov_deg=55.0,
    radius=(1.5, 2.0),
    elevation_deg=(-10, 45),
    section=2 * 1.732 / 256,
    rate=0.01,
    weights={"prior": LATENT_PRIOR_WEIGHT, "orientation": Schedule((0, 10), (5000, 1000)), "sparsity": 1},
)
DEEP_FLOYD = replace(  # dreamfusion-if.yaml
    STABLE_DIFFUSION,
    guidance_scale=20.0,
    elevation_deg=(-10, 90),
    weights=dict(STABLE_DIFFUSION.weights) | {"prior": PIXEL_PRIOR_WEIGHT},
)

# For a prior of 64 pixels on white and hash_field.small on a CPU: few steps of several views each, cameras as in the
# small prior's training images, and the silhouettes of the images that it expects, as in image_prior.SMALL.
SMALL = replace(
    STABLE_DIFFUSION,
    steps=240,
    milestones=(80,),
    random_size=(32, 48),
    batch=(4, 3),
    least_t=Schedule((0, 0.6), (240, 0.02)),
    most_t=Schedule((0, 0.98), (240, 0.5)),
    guidance_scale=1.0,
    weighting="x0",
    radius=(1.2, 1.2),
    fov_deg=49.1,
    fov_range=(49.1, 49.1),
    elevation_deg=(-30, 60),
    position_noise=0.0,
    centre_noise=0.0,
    up_noise=0.0,
    albedo_steps=200,
    albedo_share=0.75,
    textureless_share=0.25,
    section=0.025,
    rate=0.02,
    background_rate=0.0,
    half_size=0.6,
    weights={
        "prior": 0,
        "picture": 500,
        "silhouette": 20,
        "sparsity": 0.1,
        "opaqueness": Schedule((0, 0.1), (150, 2)),
        "orientation": Schedule((200, 0), (201, 1)),
    },
)
# At little noise the starter takes the rendered view for the answer, and guidance exaggerates it in every step until
# there are balls in glaring colours.
HIGH_NOISE = {"least_t": Schedule((0, 0.7), (240, 0.4)), "most_t": Schedule((0, 0.98), (240, 0.8))}
STARTER = replace(SMALL, guidance_scale=3.0, **HIGH_NOISE).shortened(120)


def of_distance(recipe: PromptRecipe) -> PromptRecipe:
    """The recipe for a signed distance (Tsalicoglou et al. 2023, TextMesh).

    Its normals need no loss of their own, and opaqueness and heavy silhouettes would fatten its soft edge.
    """
    weights = dict(recipe.weights) | {"eikonal": 3.0, "opaqueness": 0.0, "orientation": 0.0}
    return replace(recipe, weights=weights | ({"silhouette": 5.0} if recipe.weights.get("silhouette") else {}))


def choose_recipe(model: TextToImage, parameters: DreamFusionParameters) -> PromptRecipe:
    """The published settings for a model, changed as the user wants."""
    if model.vae is None:
        recipe = DEEP_FLOYD
    else:
        recipe = STARTER if model.is_starter else STABLE_DIFFUSION
    if parameters.surface == "distance":
        recipe = of_distance(recipe)
    scale = parameters.guidance_scale or recipe.guidance_scale
    return replace(recipe.shortened(parameters.steps), guidance_scale=scale)


def make_field(recipe: PromptRecipe, seed: int, surface: str = "density") -> Field:
    """A density that begins as Magic3D's blob, or a signed "distance" that begins as a sphere's."""
    bounds, is_small = (-recipe.half_size, recipe.half_size), recipe.half_size < 1
    if surface == "distance":
        make = sdf_field.small if is_small else sdf_field.published
        return make(seed=seed, bounds=bounds, radius=BALL_RADIUS * recipe.half_size)
    if is_small:
        return hash_field.small(seed=seed, bounds=bounds)
    return hash_field.published(seed=seed, bounds=bounds, bands=BANDS)

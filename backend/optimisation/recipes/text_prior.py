# SPDX-License-Identifier: GPL-3.0-or-later
"""The published settings of optimisation against a prompt's prior, and what of them suits a small prior on a CPU."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ...rendering.cameras import Camera
from ...rendering.shading import Shading
from .base import PUBLISHED_ELEMENTS, Recipe


@dataclass(frozen=True)
class PromptRecipe(Recipe):
    """What DreamFusion draws besides (section 3.1): lenses, perturbed cameras, light and shading.

    fov_range: of the random lenses, least and most, in degrees; fov_deg is the previews'. position_noise: largest shift
    of a camera along each axis; centre_noise, up_noise: deviations of the point that it looks at, and of its upright.
    albedo_steps: first steps without light; albedo_share, textureless_share: of the steps after, and of the lit ones
    among them.
    soft_light: the share of light from everywhere is random. background_rate: of the network behind the object; 0 for
    plain white. half_size: of the cube where the object is.
    """

    fov_range: tuple[float, float] = (40.0, 70.0)
    position_noise: float = 0.1
    centre_noise: float = 0.2
    up_noise: float = 0.02
    albedo_steps: float = 2001
    albedo_share: float = 0.25
    textureless_share: float = 0.5
    soft_light: bool = False
    background_rate: float = 0.001
    half_size: float = 1.0

    def cameras(self, position: float, generator: torch.Generator) -> list[Camera]:
        """As threestudio draws them: half the batches even in elevation, the others even over the view sphere."""
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
        """Radians; `even`: in the angle, else in its sine."""
        low, high = (math.radians(limit) for limit in self.elevation_deg)
        return draw(low, high).item() if even else math.asin(draw(math.sin(low), math.sin(high)).item())

    def draw_shading(self, position: float, generator: torch.Generator) -> Shading:
        """The albedo alone at first; then mostly lit, and half of that without colours, which shows the shape."""
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


LATENT = 4 * 64 * 64 / PUBLISHED_ELEMENTS  # threestudio's weight 1 of the prior is per element of such a latent
PIXELS = 3 * 64 * 64 / PUBLISHED_ELEMENTS
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
    weights={"prior": LATENT, "orientation": (0, 10, 1000, 5000), "sparsity": 1},
)
DEEP_FLOYD = replace(  # dreamfusion-if.yaml
    STABLE_DIFFUSION,
    guidance_scale=20.0,
    elevation_deg=(-10, 90),
    weights=dict(STABLE_DIFFUSION.weights) | {"prior": PIXELS},
)

# For a prior of 64 pixels on white and a field of hash_field.small on a CPU: few steps, each of several views, cameras
# as in the small prior's training pictures, and the silhouettes of the pictures that it imagines, as in recipe.SMALL.
SMALL = replace(
    STABLE_DIFFUSION,
    steps=240,
    milestones=(80,),
    random_size=(32, 48),
    batch=(4, 3),
    least_t=(0.6, 0.02, 240),
    most_t=(0.98, 0.5, 240),
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
        "opaqueness": (0, 0.1, 2, 150),
        "orientation": (200, 0, 1, 201),
    },
)
# Where little noise is left, the starter takes what it is shown for what is meant, and guidance makes that more so in
# every step: balls in glaring colours.
NOISY = {"least_t": (0.7, 0.4, 240), "most_t": (0.98, 0.8, 240)}
STARTER = replace(SMALL, guidance_scale=3.0, **NOISY).shortened(120)


def of_distance(course: PromptRecipe) -> PromptRecipe:
    """The same course for a signed distance (Tsalicoglou et al. 2023, TextMesh), whose normals need no loss of their
    own, and whose soft edge opaqueness and heavy silhouettes would fatten."""
    weights = dict(course.weights) | {"eikonal": 3.0, "opaqueness": 0.0, "orientation": 0.0}
    return replace(course, weights=weights | ({"silhouette": 5.0} if course.weights.get("silhouette") else {}))

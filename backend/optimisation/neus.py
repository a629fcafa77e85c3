# SPDX-License-Identifier: GPL-3.0-or-later
"""NeuS (Wang et al. 2021): a signed distance field whose renderings match posed images.

It begins as the visual hull of the silhouettes, and learns from the colours what silhouettes cannot show: hollows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..fields import sdf_field
from ..fields.initial import StepCallback, fit_mesh
from ..fields.renderer import Renderer
from ..fields.surface import to_mesh
from ..interface.errors import ImageError
from ..meshing.visual_hull import visual_hull
from ..rendering.cameras import Camera, orbit, rays
from ..rendering.mesh import Mesh
from . import losses

HULL_STEPS = 150  # of fitting the field to the hull
RATE = 0.01
DECAY = 0.05  # share of the rate that is left at the end (the paper's)
SECTION = 0.015  # length of a ray's sections; the cube's side is 1.2
RAYS = 1024  # of a step
OBJECT_SHARE = 0.9  # share of the rays that go through the object and its surroundings
SURROUNDINGS = 0.06  # width around the object's silhouette, as a share of the image's side
MASK_WEIGHT, EIKONAL_WEIGHT = 0.5, 0.05  # the colour's is 1
PREVIEW_SIZE = 96  # pixels a side


@dataclass
class Pixels:
    """Every known pixel of all images."""

    origins: Tensor  # (P, 3), of their rays
    directions: Tensor  # (P, 3), unit
    color: Tensor  # (P, 3), on white
    alpha: Tensor  # (P,)
    near: Tensor  # (K,), indices of those that show the object or its surroundings

    @classmethod
    def of(cls, images: Tensor, cameras: list[Camera], known: Tensor) -> Pixels:
        """The known pixels, bool (V, S, S), of images float32 (V, S, S, 4), straight alpha, with their cameras."""
        origins, directions = (torch.cat(parts) for parts in zip(*map(rays, cameras), strict=True))
        alpha = images[..., 3]
        reach = 2 * round(SURROUNDINGS * images.shape[1]) + 1
        near = nn.functional.max_pool2d(alpha[:, None], reach, 1, reach // 2)[:, 0] > 0.5
        color = images[..., :3] * alpha[..., None] + 1 - alpha[..., None]
        kept = known.flatten()
        near = near.flatten()[kept].nonzero()[:, 0]
        return cls(origins[kept], directions[kept], color.flatten(0, 2)[kept], alpha.flatten()[kept], near)


class NeusObjective:
    """A signed distance field and posed images of an object that fits [-0.5, 0.5]^3 (`loop.Objective`)."""

    def __init__(
        self,
        images: Tensor,
        cameras: list[Camera],
        steps: int,
        seed: int = 0,
        watch: StepCallback = lambda step, steps: None,
        known: Tensor | None = None,
    ) -> None:
        """Images float32 (V, S, S, 4), straight alpha. known: the pixels that count, bool (V, S, S), None: all.

        ImageError when the silhouettes have nothing in common."""
        seen = torch.ones_like(images[..., 3], dtype=torch.bool) if known is None else known
        self.pixels, self.steps = Pixels.of(images, cameras, seen), steps
        self.distance = float(torch.stack([c.position for c in cameras]).norm(dim=1).median())
        self.fov_deg = cameras[0].fov_deg
        self.field = sdf_field.small(seed=seed, sharpness=sdf_field.SHARPNESS_FROM_MESH).to(images.device)
        self.renderer = Renderer(self.field, SECTION)
        self.modules: dict[str, nn.Module] = {"field": self.field, "renderer": self.renderer}
        self.name = f"NeuS {len(images)} {images.shape[1]} {steps} {seed}"
        hull = visual_hull(images[..., 3], cameras, known=known)
        if not len(hull.faces):
            raise ImageError("The views have no object in common.", "Check the cameras and the cut-outs of all views.")
        hull.vertex_colors[:, :3] = mean_color(images)  # a colour field that begins saturated would hardly learn
        fit_mesh(self.field, hull, HULL_STEPS, seed=seed, watch=watch)

    def groups(self) -> list[dict]:
        return [group | {"decay": DECAY} for group in self.field.groups(RATE)]

    def losses(self, position: float, generator: torch.Generator) -> dict[str, Tensor]:
        """Weighted losses of colour and silhouette, and of the distance's gradient, whose length should be 1."""
        self.field.advance(position / self.steps)
        self.renderer.update(generator)
        chosen, pixels = self.choose(generator), self.pixels
        seen = self.renderer.render(
            pixels.origins[chosen], pixels.directions[chosen], normals="analytic", generator=generator
        )
        opacity, alpha = seen.opacity.clamp(1e-3, 1 - 1e-3), pixels.alpha[chosen]
        assert seen.samples.gradient is not None
        return {
            "color": losses.reference_l1(seen.color, pixels.color[chosen]),
            "mask": MASK_WEIGHT * nn.functional.binary_cross_entropy(opacity, alpha),
            "eikonal": EIKONAL_WEIGHT * losses.eikonal(seen.samples.gradient),
        }

    def choose(self, generator: torch.Generator) -> Tensor:
        """Indices (RAYS,) of the pixels of one step."""

        def draw(count: int, below: int) -> Tensor:
            return torch.randint(below, (count,), generator=generator, device=generator.device)

        near = round(OBJECT_SHARE * RAYS)
        return torch.cat(
            [self.pixels.near[draw(near, len(self.pixels.near))], draw(RAYS - near, len(self.pixels.alpha))]
        )

    def views(self) -> np.ndarray:
        lens = self.fov_deg, PREVIEW_SIZE, PREVIEW_SIZE
        cameras = [Camera(orbit(side, 15, self.distance), *lens) for side in range(0, 360, 90)]
        return np.stack([self.renderer.render_image(camera) for camera in cameras])

    def mesh(self, resolution: int) -> Mesh:
        return to_mesh(self.field, resolution)


def mean_color(images: Tensor) -> np.ndarray:
    """Mean colour of the object in images (V, S, S, 4), 0..255 (3,)."""
    weight = images[..., 3:]
    return np.rint(255 * ((images[..., :3] * weight).sum((0, 1, 2)) / weight.sum().clamp(min=1)).cpu().numpy())

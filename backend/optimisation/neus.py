# SPDX-License-Identifier: GPL-3.0-or-later
"""NeuS (Wang et al. 2021): a signed distance that looks from every camera as its picture does.

It begins as the visual hull of the silhouettes, and learns what they cannot tell: hollows and colours.
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

HULL_STEPS = 150  # of learning the hull
RATE = 0.01
DECAY = 0.05  # the share of the rate that is left at the end (the paper's)
SECTION = 0.015  # length of a ray's sections; the cube's side is 1.2
RAYS = 1024  # a step
NEAR = 0.9  # the share of them that goes through the object and what lies beside it
BESIDE = 0.06  # of the picture's side
MASK, EIKONAL = 0.5, 0.05  # weights beside the colour's
TURNTABLE = 96  # pixels of a preview


@dataclass
class Pixels:
    """Every pixel of all pictures. origins, directions (P, 3); color (P, 3) on white; alpha (P,); near (K,), the
    numbers of those that show the object, or that lie beside it."""

    origins: Tensor
    directions: Tensor
    color: Tensor
    alpha: Tensor
    near: Tensor

    @classmethod
    def of(cls, images: Tensor, cameras: list[Camera]) -> Pixels:
        """Images float32 (V, S, S, 4), straight alpha, with their cameras."""
        origins, directions = (torch.cat(parts) for parts in zip(*map(rays, cameras), strict=True))
        alpha = images[..., 3]
        reach = 2 * round(BESIDE * images.shape[1]) + 1
        beside = nn.functional.max_pool2d(alpha[:, None], reach, 1, reach // 2)[:, 0] > 0.5
        color = images[..., :3] * alpha[..., None] + 1 - alpha[..., None]
        return cls(origins, directions, color.flatten(0, 2), alpha.flatten(), beside.flatten().nonzero()[:, 0])


class Neus:
    """The task of the shared loop. The object fits [-0.5, 0.5]^3."""

    def __init__(
        self,
        images: Tensor,
        cameras: list[Camera],
        steps: int,
        seed: int = 0,
        watch: StepCallback = lambda step, steps: None,
    ) -> None:
        """Images float32 (V, S, S, 4), straight alpha. ImageError when the silhouettes have nothing in common."""
        self.pixels, self.steps = Pixels.of(images, cameras), steps
        self.distance, self.fov = (
            float(torch.stack([c.position for c in cameras]).norm(dim=1).median()),
            cameras[0].fov_deg,
        )
        self.field = sdf_field.small(seed=seed, sharpness=sdf_field.SHARPNESS_FROM_MESH).to(images.device)
        self.renderer = Renderer(self.field, SECTION)
        self.modules: dict[str, nn.Module] = {"field": self.field, "renderer": self.renderer}
        self.name = f"NeuS {len(images)} {images.shape[1]} {steps} {seed}"
        hull = visual_hull(images[..., 3], cameras)
        if not len(hull.faces):
            raise ImageError(
                "The views have no object in common.", "Check the cameras, and that the object is cut out of each view."
            )
        hull.vertex_colors[:, :3] = mean_color(images)  # a colour field that begins saturated would hardly learn
        fit_mesh(self.field, hull, HULL_STEPS, seed=seed, watch=watch)

    def groups(self) -> list[dict]:
        return [group | {"decay": DECAY} for group in self.field.groups(RATE)]

    def losses(self, position: float, generator: torch.Generator) -> dict[str, Tensor]:
        """Colour, silhouette, and that the distance grows by one per unit, weighted."""
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
            "mask": MASK * nn.functional.binary_cross_entropy(opacity, alpha),
            "eikonal": EIKONAL * losses.eikonal(seen.samples.gradient),
        }

    def choose(self, generator: torch.Generator) -> Tensor:
        """The pixels (RAYS,) of one step."""

        def draw(count: int, below: int) -> Tensor:
            return torch.randint(below, (count,), generator=generator, device=generator.device)

        near = round(NEAR * RAYS)
        return torch.cat(
            [self.pixels.near[draw(near, len(self.pixels.near))], draw(RAYS - near, len(self.pixels.alpha))]
        )

    def views(self) -> np.ndarray:
        cameras = [Camera(orbit(side, 15, self.distance), self.fov, TURNTABLE, TURNTABLE) for side in range(0, 360, 90)]
        return np.stack([self.renderer.render_image(camera) for camera in cameras])

    def mesh(self, resolution: int) -> Mesh:
        return to_mesh(self.field, resolution)


def mean_color(images: Tensor) -> np.ndarray:
    """Of what images (V, S, S, 4) show, 0..255 (3,)."""
    weight = images[..., 3:]
    return np.rint(255 * ((images[..., :3] * weight).sum((0, 1, 2)) / weight.sum().clamp(min=1)).cpu().numpy())

# SPDX-License-Identifier: GPL-3.0-or-later
"""Optimisation of a field with an image: it looks like the image from in front, and from elsewhere as its prior expects
(Liu et al. 2023, section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..diffusion.prior import Prior
from ..fields.field import Field
from ..fields.initial import Start
from ..rendering.cameras import Camera
from . import losses
from .objective import FieldObjective
from .recipes.base import Recipe
from .rendered_views import RenderedViews


@dataclass
class Reference:
    """The input image, RGBA float32 (H, W, 4), straight alpha, and its camera."""

    image: Tensor
    camera: Camera

    def at(self, size: int) -> tuple[Tensor, Tensor, Camera]:
        """Colour on white (1, 3, S, S), alpha (1, S, S) and the camera, at a size in pixels."""
        alpha = self.image[..., 3:]
        premultiplied = torch.cat([self.image[..., :3] * alpha, alpha], -1).permute(2, 0, 1)[None]
        small = nn.functional.interpolate(premultiplied, (size, size), mode="area")
        camera = Camera(self.camera.cam_to_world, self.camera.fov_deg, size, size)
        return small[:, :3] + 1 - small[:, 3:], small[:, 3], camera


class ImageObjective(FieldObjective):
    """A field with losses of the reference view beside those of random views."""

    def __init__(
        self,
        prior: Prior,
        field: Field,
        reference: Reference,
        recipe: Recipe,
        method: str = "sds",
        start: Start | None = None,
    ):
        super().__init__(prior, field, recipe, method, start)
        self.reference = reference

    def terms(self, position: float, generator: torch.Generator) -> dict[str, Tensor]:
        return self.random_view_terms(position, generator) | self.reference_terms(position, generator)

    def reference_terms(self, position: float, generator: torch.Generator) -> dict[str, Tensor]:
        """Losses of the view from the reference's camera."""
        color, alpha, camera = self.reference.at(self.recipe.reference_size[self.recipe.stage(position)])
        seen = self.render([camera], position, generator)
        return self.compare(seen, color, alpha) | self.regularisers(seen, position, generator, "reference")

    def compare(self, seen: RenderedViews, color: Tensor, alpha: Tensor) -> dict[str, Tensor]:
        """Differences from the reference: colour on white (1, 3, S, S) and alpha (1, S, S)."""
        rendered = seen.color
        if self.is_latent:
            rendered, color = self.prior.decode(rendered), self.reference.at(self.prior.image_size)[0]
        return {"color": losses.reference_mse(rendered, color), "mask": losses.mask(seen.opacity, alpha)}

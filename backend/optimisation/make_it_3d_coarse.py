# SPDX-License-Identifier: GPL-3.0-or-later
"""Make-It-3D's first stage (Tang et al. 2023, section 3.2): from in front the field shows the image and has its depth;
from elsewhere it looks as diffusion expects of the image's caption, and as CLIP finds like the image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..diffusion.clip_similarity import ClipSimilarity, through, unlike
from ..diffusion.prior import Prior, view_angles
from ..fields.field import Field
from ..rendering.cameras import Camera
from ..rendering.shading import sample_light
from . import losses
from .distillation import Distillation
from .image_objective import ImageObjective, Reference
from .recipes.make_it_3d import ImageRecipe
from .rendered_views import RenderedViews


@dataclass
class ReferenceFeatures:
    """The reference image and everything that other networks say about it; None where there is no such network."""

    reference: Reference
    likeness: ClipSimilarity | None = None  # CLIP, which makes the embeddings
    image: Tensor | None = None  # embedding (D,) of the image
    patches: Tensor | None = None  # features (1, L, D') of the image's patches
    caption: Tensor | None = None  # embedding (D,) of the caption
    depth: Tensor | None = None  # estimated (H, W), growing with distance; scale and offset are unknown

    def unlikeness(self, color: Tensor) -> Tensor:
        """Minus the cosine similarity of images (B, 3, H, W) to the reference and to its caption, ()."""
        assert self.likeness is not None
        embeddings = self.likeness.see(color)
        return unlike(embeddings, self.image) + unlike(embeddings, self.caption)


def encode_reference(
    reference: Reference, likeness: ClipSimilarity | None, caption: str, depth: Tensor | None = None
) -> ReferenceFeatures:
    """Embed a reference and its caption. depth: estimated, (H, W)."""
    if likeness is None:
        return ReferenceFeatures(reference, depth=depth)
    color, *_ = reference.at(reference.camera.height)
    with torch.no_grad():
        image, patches = likeness.see(color)[0], likeness.patches(color)
    return ReferenceFeatures(reference, likeness, image, patches, likeness.read(caption), depth)


class ClipDistillation(Distillation):
    """SDS at much noise, or from behind; at little noise CLIP judges the denoised image instead (equations 2 to 5)."""

    recipe: ImageRecipe

    def __init__(self, prior: Prior, recipe: ImageRecipe, features: ReferenceFeatures):
        super().__init__(prior, recipe)
        self.features = features

    def losses(
        self, z: Tensor, cameras: list[Camera], position: float, generator: torch.Generator
    ) -> tuple[dict[str, Tensor], Tensor]:
        """As `Distillation.losses`, and "clip" where a view is judged by CLIP."""
        x0, a, t = self.denoise(z, cameras, position, generator)
        behind = torch.tensor([self.recipe.is_behind(azimuth) for azimuth in view_angles(cameras)[0].tolist()])
        judged = (t <= self.recipe.clip_below * len(self.prior.alphas_cumprod)) & ~behind.to(t.device)
        terms = {"prior": self.loss(z, self.gradient(z, x0, a) * ~judged.view(-1, 1, 1, 1))}
        if self.features.likeness is not None and judged.any():
            images = self.prior.decode(through(z, x0)[judged])
            terms["clip"] = self.features.unlikeness(images) * judged.float().mean()
        return terms, x0


class CoarseObjective(ImageObjective):
    """The first stage's field."""

    recipe: ImageRecipe

    def __init__(self, prior: Prior, field: Field, features: ReferenceFeatures, recipe: ImageRecipe):
        super().__init__(prior, field, features.reference, recipe)
        self.features = features
        self.distillation = ClipDistillation(prior, recipe, features)

    def compare(self, seen: RenderedViews, color: Tensor, alpha: Tensor) -> dict[str, Tensor]:
        terms = {"color": losses.reference_l1(seen.color, color), "mask": losses.mask(seen.opacity, alpha)}
        if self.features.depth is not None:
            estimate = F.interpolate(self.features.depth[None, None], color.shape[2:], mode="area")[0]
            inside = F.max_pool2d(1 - alpha, 3, 1, 1) < 0.5  # pixels at the outline are mixed
            terms["depth"] = losses.depth_correlation(seen.depth, estimate, inside)
        return terms

    def regularisers(
        self, seen: RenderedViews, position: float, generator: torch.Generator, view: str
    ) -> dict[str, Tensor]:
        terms = {}
        if view == "random" and self.features.likeness is not None and self.recipe.weight("likeness", position):
            terms["likeness"] = self.features.unlikeness(seen.color)
        terms |= super().regularisers(seen, position, generator, view)
        for name, term in {f"opacity {view}": losses.opacity, f"entropy {view}": losses.entropy}.items():
            if self.recipe.weight(name, position):
                terms[name] = term(seen.opacity)
        return terms

    def render_random(self, cameras: list[Camera], position: float, generator: torch.Generator) -> RenderedViews:
        """Once the shape has been found, in one light around the first camera."""
        shading = self.recipe.draw_shading(position, generator)
        light = None if shading == "albedo" else sample_light(cameras[0].position.to(self.device), generator)
        return self.render(cameras, position, generator, shading, light)

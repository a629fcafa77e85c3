# SPDX-License-Identifier: GPL-3.0-or-later
"""Make-It-3D's first stage (Tang et al. 2023, section 3.2), one step: a field that is the picture from in front, has
its depth, and looks from elsewhere as diffusion expects of its caption and as CLIP finds like the picture."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..diffusion import guidance
from ..diffusion.clip_similarity import Likeness, through, unlike
from ..diffusion.prior import Prior, view_angles
from ..fields.field import Field
from ..rendering.cameras import Camera, rays
from ..rendering.shading import sample_light
from . import losses
from .annealing import draw_timesteps
from .objective import Pictures, Reconstruction, Reference, draw_normal, guided, resized
from .recipes.base import elements
from .recipes.image_prior import ImageRecipe


@dataclass
class Told:
    """What is known besides the prior: the reference; what CLIP makes of it, (D,), of its places, (1, L, D'), and of
    the caption, (D,), or None; the depth (H, W) estimated of it, growing with distance, its scale and offset unknown.
    """

    reference: Reference
    likeness: Likeness | None = None
    picture: Tensor | None = None
    places: Tensor | None = None
    words: Tensor | None = None
    depth: Tensor | None = None


def tell(reference: Reference, likeness: Likeness | None, caption: str, depth: Tensor | None = None) -> Told:
    """`Told` of a reference and its caption."""
    if likeness is None:
        return Told(reference, depth=depth)
    color, *_ = reference.at(reference.camera.height)
    with torch.no_grad():
        picture, places = likeness.see(color)[0], likeness.patches(color)
    return Told(reference, likeness, picture, places, likeness.read(caption), depth)


def distil(
    z: Tensor,
    prior: Prior,
    told: Told,
    cameras: list[Camera],
    recipe: ImageRecipe,
    position: float,
    scale: float,
    generator: torch.Generator,
) -> tuple[dict[str, Tensor], Tensor]:
    """What the prior asks of latents z (B, C, h, w) that it is shown: SDS where there is much noise, or from behind;
    where there is little, CLIP's judgement of the denoised picture (equations 2 to 5). And the clean latents that the
    prior expects.

    Both are losses whose gradient goes through z, into whatever made it.
    """
    t = draw_timesteps(len(z), position, recipe.least_t, recipe.most_t, len(prior.alphas_cumprod), generator)
    a = prior.alphas_cumprod[t.to(z.device)].view(-1, 1, 1, 1)
    with torch.no_grad():
        noisy = guidance.add_noise(z, draw_normal(z, generator), a)
        x0 = guided(prior.denoise(noisy, t.to(z.device), cameras, unconditional=scale != 1), scale)
    behind = torch.tensor([recipe.is_behind(azimuth) for azimuth in view_angles(cameras)[0].tolist()])
    judged = ((t.cpu() <= recipe.clip_below * len(prior.alphas_cumprod)) & ~behind).to(z.device)
    gradient = guidance.sds_gradient(z.detach(), x0, a, recipe.weighting) * ~judged.view(-1, 1, 1, 1)
    terms = {"prior": elements(z) * guidance.surrogate_loss(z, gradient)}
    if told.likeness is not None and judged.any():
        seen = told.likeness.see(prior.decode(through(z, x0)[judged]))
        terms["clip"] = (unlike(seen, told.picture) + unlike(seen, told.words)) * judged.float().mean()
    return terms, x0


class Coarse(Reconstruction):
    """The first stage as a task of the shared loop."""

    recipe: ImageRecipe

    def __init__(self, prior: Prior, field: Field, told: Told, recipe: ImageRecipe):
        super().__init__(prior, field, told.reference, recipe)
        self.told = told

    def imagine(self, position: float, generator: torch.Generator) -> dict[str, Tensor]:
        recipe, told = self.recipe, self.told
        cameras = recipe.cameras(position, generator)
        seen = self.render(cameras, position, generator)
        z, wanted = self.prior.encode(seen.color), recipe.weight
        scale = recipe.guidance_scale
        terms, x0 = distil(z, self.prior, told, cameras, recipe, position, scale, generator)
        if told.likeness is not None and wanted("likeness", position):
            embedded = told.likeness.see(seen.color)
            terms["likeness"] = unlike(embedded, told.picture) + unlike(embedded, told.words)
        if wanted("silhouette", position) or wanted("picture", position):
            with torch.no_grad():
                shown = resized(self.prior.decode(x0), seen.opacity.shape[1:])
            terms["silhouette"] = losses.silhouette(seen.opacity, shown)
            terms["picture"] = losses.reference_mse(seen.color, shown)
        return terms | self.shape(seen, position, generator, "random")

    def look(self, position: float, generator: torch.Generator) -> dict[str, Tensor]:
        size = self.recipe.reference_size[self.recipe.stage(position)]
        color, alpha, camera = self.told.reference.at(size)
        seen = Reconstruction.render(self, [camera], position, generator)  # without any light
        terms = {"color": losses.reference_l1(seen.color, color), "mask": losses.mask(seen.opacity, alpha)}
        if self.told.depth is not None:
            estimate = F.interpolate(self.told.depth[None, None], (size, size), mode="area")[0]
            inside = F.max_pool2d(1 - alpha, 3, 1, 1) < 0.5  # pixels at the outline are mixed
            terms["depth"] = losses.depth_correlation(seen.depth, estimate, inside)
        return terms | self.shape(seen, position, generator, "reference")

    def shape(self, seen: Pictures, position: float, generator: torch.Generator, view: str) -> dict[str, Tensor]:
        terms = {f"opacity {view}": losses.opacity, f"entropy {view}": losses.entropy}
        own = {name: term(seen.opacity) for name, term in terms.items() if self.recipe.weight(name, position)}
        return super().shape(seen, position, generator, view) | own

    def render(self, cameras: list[Camera], position: float, generator: torch.Generator) -> Pictures:
        """Random cameras' pictures on white, in one light around the first once the shape has been found."""
        shading = self.recipe.draw_shading(position, generator)
        if shading == "albedo":
            return super().render(cameras, position, generator)
        origins, directions = (torch.cat(parts).to(self.device) for parts in zip(*map(rays, cameras), strict=True))
        light = sample_light(cameras[0].position.to(self.device), generator)
        seen = self.renderer.render(
            origins, directions, self.background, shading, light, normals="analytic", generator=generator
        )
        return Pictures(seen, len(cameras), cameras[0].height, cameras[0].width)

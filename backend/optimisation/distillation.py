# SPDX-License-Identifier: GPL-3.0-or-later
"""Score distillation: the change that a diffusion prior would make to rendered views, as a loss on their latents."""

from __future__ import annotations

import torch
from torch import Tensor

from ..diffusion import guidance
from ..diffusion.prior import Denoised, Prior
from ..rendering.cameras import Camera
from .annealing import draw_timesteps
from .recipes.base import Recipe, elements


class Distillation:
    """A prior with a recipe's timesteps, guidance and weighting.

    method: "sds" (Poole et al. 2023) or "sjc" (Wang et al. 2023).
    """

    def __init__(self, prior: Prior, recipe: Recipe, method: str = "sds") -> None:
        self.prior, self.recipe, self.method = prior, recipe, method

    def losses(
        self, z: Tensor, cameras: list[Camera], position: float, generator: torch.Generator
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Losses by name of the latents z (B, C, h, w) of views from B cameras, and the clean latents x0 (B, C, h, w)
        that the prior expects. "prior" has the gradient of the method with respect to z."""
        x0, a, _ = self.denoise(z, cameras, position, generator)
        return {"prior": self.loss(z, self.gradient(z, x0, a))}, x0

    @torch.no_grad()
    def denoise(
        self, z: Tensor, cameras: list[Camera], position: float, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Noise is added to z and removed by the prior: x0, alphas_cumprod (B, 1, 1, 1) and timesteps (B,)."""
        t = self.timesteps(len(z), position, generator).to(z.device)
        a = self.prior.alphas_cumprod[t].view(-1, 1, 1, 1)
        noisy = guidance.add_noise(z, draw_normal(z, generator), a)
        return self.guide(self.prior.denoise(noisy, t, cameras, self.recipe.guidance_scale != 1)), a, t

    def timesteps(self, count: int, position: float, generator: torch.Generator) -> Tensor:
        """A random timestep for each of `count` views."""
        recipe, total = self.recipe, len(self.prior.alphas_cumprod)
        return draw_timesteps(count, position, recipe.least_t, recipe.most_t, total, generator)

    def guide(self, denoised: Denoised) -> Tensor:
        """x0 with the recipe's guidance."""
        return guided(denoised, self.recipe.guidance_scale)

    @torch.no_grad()
    def gradient(self, z: Tensor, x0: Tensor, a: Tensor) -> Tensor:
        """The method's gradient with respect to z."""
        if self.method == "sjc":
            return guidance.sjc_gradient(z, x0, guidance.level(a))
        return guidance.sds_gradient(z, x0, a, self.recipe.weighting)

    def loss(self, z: Tensor, gradient: Tensor) -> Tensor:
        """A loss with this gradient, in the size that the published weights were made for."""
        return elements(z) * guidance.surrogate_loss(z, gradient)


def guided(denoised: Denoised, scale: float) -> Tensor:
    """x0 by Perp-Neg where there are negatives, else by classifier-free guidance, or without guidance."""
    if denoised.unconditional is None:
        return denoised.conditional
    if denoised.negative_weights is None:
        return guidance.guide(denoised.conditional, denoised.unconditional, scale)
    return guidance.guide_perp_neg(
        denoised.conditional, denoised.unconditional, denoised.negatives, denoised.negative_weights, scale
    )


def draw_normal(like: Tensor, generator: torch.Generator) -> Tensor:
    """N(0, 1) in the shape of another tensor."""
    return torch.randn(like.shape, generator=generator, device=generator.device).to(like)

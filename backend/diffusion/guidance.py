# SPDX-License-Identifier: GPL-3.0-or-later
"""Gradients from diffusion models (SDS, SJC, MVDream's x0 form) and classifier-free guidance.

Everywhere: z clean latents, z_t = sqrt(a) z + sqrt(1 - a) noise with a = alphas_cumprod[t] of shape (B, 1, 1, 1),
x0 the model's estimate of z from z_t. Latents are (B, C, h, w). Gradients are those of a loss: descend along them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

Weighting = Literal["sds", "uniform", "x0"]


def add_noise(z: Tensor, noise: Tensor, a: Tensor) -> Tensor:
    """z_t (DDPM, equation 4)."""
    return a.sqrt() * z + (1 - a).sqrt() * noise


def clean_from_noise(noisy: Tensor, noise: Tensor, a: Tensor) -> Tensor:
    """x0 of a network that predicts the noise; a > 0 (DDPM, equation 15)."""
    return (noisy - (1 - a).sqrt() * noise) / a.sqrt()


def clean_from_velocity(noisy: Tensor, velocity: Tensor, a: Tensor) -> Tensor:
    """x0 of a network that predicts v = sqrt(a) noise - sqrt(1 - a) z (Salimans and Ho 2022, appendix D)."""
    return a.sqrt() * noisy - (1 - a).sqrt() * velocity


# --- Guidance, of x0 or of predicted noise alike: at a given z_t one is a linear function of the other.


def guide(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    """Classifier-free guidance (Ho and Salimans 2022); scale 1 is none. DreamFusion and SJC count scale - 1.

    A negative prompt takes the place of the unconditional one.
    """
    return unconditional + scale * (conditional - unconditional)


def guide_perp_neg(
    conditional: Tensor, unconditional: Tensor, negatives: Sequence[Tensor], weights: Tensor, scale: float
) -> Tensor:
    """Perp-Neg (Armandpour et al. 2023): only the part of each negative direction that is perpendicular to the positive
    one counts, with weights (K, B) <= 0, so that a negative prompt cannot cancel the prompt."""
    positive = conditional - unconditional
    total = positive
    for negative, weight in zip(negatives, weights, strict=True):
        total = total + weight.view(-1, 1, 1, 1) * perpendicular(negative - unconditional, positive)
    return unconditional + scale * total


def perpendicular(x: Tensor, y: Tensor) -> Tensor:
    """The part of x (B, ...) that is perpendicular to y, for each item."""
    axes = tuple(range(1, x.ndim))
    share = (x * y).sum(axes, keepdim=True) / (y * y).sum(axes, keepdim=True).clamp(min=1e-12)
    return x - share * y


def rescale(guided: Tensor, conditional: Tensor, share: float, views: int = 1) -> Tensor:
    """CFG rescale (Lin et al. 2024, equations 15 and 16) as in MVDream: restores x0's contrast without guidance, by
    `share` (0..1); measured over each object's `views` consecutive items and all their channels."""

    def deviation(x: Tensor) -> Tensor:
        return x.reshape(len(x) // views, -1).std(1).repeat_interleave(views).view(-1, 1, 1, 1)

    return share * guided * deviation(conditional) / (deviation(guided) + 1e-8) + (1 - share) * guided


# --- Gradients with respect to z.


def sds_gradient(z: Tensor, x0: Tensor, a: Tensor, weighting: Weighting = "sds") -> Tensor:
    """Score distillation (DreamFusion, equation 3): w(t) (predicted noise - noise).

    The two noises differ by sqrt(a / (1 - a)) (z - x0), which needs neither of them. w(t) is 1 - a ("sds"), 1
    ("uniform"), or such that z - x0 is left: MVDream's reconstruction loss ("x0"), the only one with a signal at
    a = 0, where a model that predicts velocities sees nothing but its condition.
    """
    return residual_weight(a, weighting) * (z - x0)


def residual_weight(a: Tensor, weighting: Weighting) -> Tensor:
    """w(t) sqrt(a / (1 - a)) in the shape of a; "sds" is finite at a = 1 too."""
    if weighting == "x0":
        return torch.ones_like(a)
    return (a / (1 - a)).sqrt() if weighting == "uniform" else (a * (1 - a)).sqrt()


def sjc_gradient(z: Tensor, denoised: Tensor, sigma: Tensor | float) -> Tensor:
    """Score Jacobian Chaining (Wang et al. 2023, section 4): minus the perturb-and-average score, times sigma.

    denoised: D(z + sigma n; sigma), (N, B, C, h, w) for N perturbations n, or (B, C, h, w) for one. Measured from z,
    not from the perturbed z: the perturbation, zero on average, is left out (their variance reduction).
    """
    mean = denoised.mean(0) if denoised.ndim > z.ndim else denoised
    return (z - mean) / sigma


def level(a: Tensor) -> Tensor:
    """sigma = sqrt((1 - a) / a), SJC's noise level: z + sigma n is z_t / sqrt(a)."""
    return ((1 - a) / a).sqrt()


def surrogate_loss(z: Tensor, gradient: Tensor) -> Tensor:
    """A loss () whose gradient with respect to z is `gradient` / B, which is not differentiated.

    0.5 |z - (z - gradient)|^2 / B, the bracket held fixed; its value tells how far the prior wants to go.
    """
    target = (z - gradient).detach()
    return 0.5 * ((z - target) ** 2).sum() / len(z)

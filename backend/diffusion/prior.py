# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers annotates its models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
"""Priors, the diffusion models of the optimisation engines: noisy images and their cameras -> clean images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from ..rendering.cameras import Camera
from ..runtime.batches import one_by_one
from .guidance import clean_from_noise, clean_from_velocity
from .zero123 import Condition, Zero123


@dataclass
class Denoised:
    """Clean latents (B, C, h, w) that a prior estimates from noisy ones: with its condition; unconditional or with the
    negative prompt; and with each of K negative conditions, whose weights (K, B) are <= 0 (Perp-Neg)."""

    conditional: Tensor
    unconditional: Tensor | None = None
    negatives: list[Tensor] = field(default_factory=list)
    negative_weights: Tensor | None = None


class Prior(Protocol):
    """A diffusion model that is conditioned on an object, by an image or a prompt, and on cameras around it.

    It returns clean latents, whether its network predicts noise, velocity or images.
    alphas_cumprod (T,) float32; image_size: pixels a side of its images; channels: of its latents. is_starter:
    whether it is as small as the weights that ship with the extension, so that small fields and few steps suit it.
    """

    alphas_cumprod: Tensor
    image_size: int
    channels: int
    is_starter: bool

    def encode(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) in 0..1, of any size -> latents (B, C, h, w), differentiable."""
        ...

    def decode(self, latents: Tensor) -> Tensor:
        """Latents (B, C, h, w) -> images (B, 3, S, S), about 0..1, differentiable."""
        ...

    def denoise(self, noisy: Tensor, t: Tensor, cameras: Sequence[Camera], unconditional: bool = True) -> Denoised:
        """Estimate clean latents from noisy ones (B, C, h, w) at timesteps t (B,) int64, for B cameras. No gradient."""
        ...


def view_angles(cameras: Sequence[Camera]) -> tuple[Tensor, Tensor, Tensor]:
    """Azimuth and elevation in degrees and distance from the origin of cameras, each (B,) float32."""
    x, y, z = torch.stack([camera.position for camera in cameras]).unbind(-1)
    return (
        torch.rad2deg(torch.atan2(x, -y)),
        torch.rad2deg(torch.atan2(z, torch.hypot(x, y))),
        (x**2 + y**2 + z**2).sqrt(),
    )


class Zero123Prior:
    """Zero-1-to-3 conditioned on an image taken at azimuth 0 and `elevation_deg` from `distance` (world units)."""

    def __init__(self, model: Zero123, condition: Condition, elevation_deg: float, distance: float):
        self.model, self.condition = model.requires_grad_(False), condition
        self.elevation_deg, self.distance = elevation_deg, distance
        self.alphas_cumprod = model.scheduler.alphas_cumprod.to(condition.latent.device)
        self.image_size, self.channels, self.is_starter = model.image_size, condition.latent.shape[1], model.is_starter

    def encode(self, images: Tensor) -> Tensor:
        """The scaled mode of the posterior: Stable Diffusion's posterior is so narrow that a sample hardly differs, and
        the starter's so wide that a sample would be noise."""
        side, vae = self.image_size, self.model.vae
        images = F.interpolate(images, (side, side), mode="bilinear", align_corners=False)
        images = images.to(self.model.dtype) * 2 - 1
        latents = one_by_one(lambda part: vae.encode(part).latent_dist.mode(), images)
        return (latents * vae.config.scaling_factor).float()

    def decode(self, latents: Tensor) -> Tensor:
        latents = latents.to(self.model.dtype) / self.model.vae.config.scaling_factor
        return self.model.vae.decode(latents).sample.float() / 2 + 0.5

    @torch.no_grad()
    def denoise(self, noisy: Tensor, t: Tensor, cameras: Sequence[Camera], unconditional: bool = True) -> Denoised:
        model, n = self.model, len(noisy)
        azimuth, elevation, distance = (v.to(noisy.device) for v in view_angles(cameras))
        pose = model.pose(azimuth, elevation - self.elevation_deg, self.elevation_deg, distance - self.distance)
        latent = self.condition.latent.expand(n, -1, -1, -1)
        token = model.context(Condition(self.condition.embedding.expand(n, -1), latent), pose)
        copies = 1
        if unconditional:
            copies, latent, token = 2, *(torch.cat([v, torch.zeros_like(v)]) for v in (latent, token))

        def unet(noisy: Tensor, latent: Tensor, t: Tensor, token: Tensor) -> Tensor:
            return model.unet(torch.cat([noisy, latent], 1), t, token).sample

        output = model.run("unet", unet, noisy.to(latent).repeat(copies, 1, 1, 1), latent, t.repeat(copies), token)
        known = self.alphas_cumprod[t].view(-1, 1, 1, 1)
        convert = clean_from_velocity if model.scheduler.config.prediction_type == "v_prediction" else clean_from_noise
        return Denoised(*(convert(noisy, part.float(), known) for part in output.chunk(copies)))

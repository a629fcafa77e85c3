# SPDX-License-Identifier: GPL-3.0-or-later
"""The oracle: a prior that knows the object. Its denoiser is exact, so errors in a result are the engine's.

Defects of real priors can be dialled in one at a time, to measure the remedies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from backend.diffusion.prior import Denoised, view_angles
from backend.diffusion.stable_diffusion import SMALLEST_LATENT_MODEL
from backend.rendering.cameras import Camera, orbit
from backend.rendering.mesh import Mesh
from backend.rendering.rasteriser import render_mesh


def stable_diffusion_schedule() -> Tensor:
    """alphas_cumprod (1000,) float32 of Stable Diffusion and its descendants."""
    betas = torch.linspace(math.sqrt(0.00085), math.sqrt(0.012), 1000, dtype=torch.float64) ** 2
    return (1 - betas).cumprod(0).float()


class Codec(Protocol):
    """Maps images to latents and back."""

    channels: int

    def encode(self, images: Tensor) -> Tensor: ...

    def decode(self, latents: Tensor) -> Tensor: ...


class Pixels:
    """Images in -1..1 as latents, as in DeepFloyd IF."""

    channels = 3

    def encode(self, images: Tensor) -> Tensor:
        return images * 2 - 1

    def decode(self, latents: Tensor) -> Tensor:
        return latents / 2 + 0.5


class LinearLatents:
    """Four channels, each a mixture of the mean colour of a block of `factor` pixels a side: the shape of a latent of
    Stable Diffusion, whose VAE is close to linear at that size."""

    channels = 4
    mixture = torch.tensor([[1.0, 1.0, 1.0], [1.2, 0.0, -1.2], [-0.8, 1.6, -0.8], [0.6, -1.2, 0.6]])

    def __init__(self, factor: int = 8):
        self.factor = factor

    def encode(self, images: Tensor) -> Tensor:
        blocks = F.avg_pool2d(images, self.factor) * 2 - 1
        return torch.einsum("lc,bchw->blhw", self.mixture.to(images), blocks)

    def decode(self, latents: Tensor) -> Tensor:
        colors = torch.einsum("cl,blhw->bchw", torch.linalg.pinv(self.mixture).to(latents), latents)
        return F.interpolate(colors / 2 + 0.5, scale_factor=self.factor, mode="bilinear", align_corners=False)


@dataclass(frozen=True)
class Defects:
    """noise: deviation of what is added to clean latents, anew each time. turn_deg: deviation of the angles by which
    the object turns between one look and the next. janus 0..1: how much of the front shows where the back should be.
    contrast: factor on the clean latents, above 1 as with strong guidance."""

    noise: float = 0.0
    turn_deg: float = 0.0
    janus: float = 0.0
    contrast: float = 1.0


class OraclePrior:
    """Knows `mesh` on white, without any light. size: pixels a side of the pictures that are encoded.

    Told nothing, it imagines an empty white picture; or, of anything that deviates from it by `variety`, what the noise
    lets it see: as with real models, guidance then asks for too much where there is much noise, and only there.
    """

    def __init__(
        self,
        mesh: Mesh,
        size: int = 64,
        codec: Codec | None = None,
        defects: Defects | None = None,
        samples: int = 2,
        seed: int = 0,
        variety: float = 0.0,
    ):
        self.mesh, self.image_size, self.samples, self.variety = mesh, size, samples, variety
        self.is_starter = size < SMALLEST_LATENT_MODEL
        self.codec, self.defects = codec or Pixels(), defects or Defects()
        self.channels, self.alphas_cumprod = self.codec.channels, stable_diffusion_schedule()
        self.generator = torch.Generator().manual_seed(seed)

    def encode(self, images: Tensor) -> Tensor:
        side = self.image_size
        return self.codec.encode(F.interpolate(images, (side, side), mode="bilinear", align_corners=False))

    def decode(self, latents: Tensor) -> Tensor:
        return self.codec.decode(latents)

    @torch.no_grad()
    def denoise(self, noisy: Tensor, t: Tensor, cameras: Sequence[Camera], unconditional: bool = True) -> Denoised:
        clean = self.encode(self.pictures(cameras)).to(noisy) * self.defects.contrast
        if self.defects.noise:
            clean = clean + self.defects.noise * torch.randn(clean.shape, generator=self.generator).to(clean)
        return Denoised(clean, self.imagine_anything(noisy, t) if unconditional else None)

    def imagine_anything(self, noisy: Tensor, t: Tensor) -> Tensor:
        """The mean of N(empty picture, variety^2) given noisy latents (B, C, h, w), which is linear in them."""
        empty = self.encode(torch.ones(len(noisy), 3, 8, 8)).to(noisy)
        a = self.alphas_cumprod.to(noisy)[t].view(-1, 1, 1, 1)
        seen = a * self.variety**2 / (a * self.variety**2 + 1 - a)
        return empty + seen * (noisy / a.sqrt() - empty)

    def pictures(self, cameras: Sequence[Camera]) -> Tensor:
        """The images of these cameras, defects of geometry included: (B, 3, S, S) in 0..1."""
        azimuth, elevation, radius = view_angles(cameras)
        pictures = torch.stack([self.picture(self.perturbed(camera)) for camera in cameras])
        if self.defects.janus:
            front = torch.stack(
                [
                    self.picture(like(camera, 0.0, float(e), float(r)))
                    for camera, e, r in zip(cameras, elevation, radius, strict=True)
                ]
            )
            behind = self.defects.janus * (1 - torch.cos(torch.deg2rad(azimuth))) / 2
            pictures = pictures + behind.view(-1, 1, 1, 1) * (front - pictures)
        return pictures

    def picture(self, camera: Camera) -> Tensor:
        """(3, S, S) in 0..1 on white."""
        camera = Camera(camera.cam_to_world.cpu(), camera.fov_deg, self.image_size, self.image_size)
        rgba = render_mesh(self.mesh, camera, self.samples)
        return (rgba[..., :3] * rgba[..., 3:] + 1 - rgba[..., 3:]).permute(2, 0, 1)

    def perturbed(self, camera: Camera) -> Camera:
        """The camera as if the object had turned by random angles about the vertical and a horizontal axis."""
        if not self.defects.turn_deg:
            return camera
        z, x = (math.radians(self.defects.turn_deg) * torch.randn(2, generator=self.generator)).tolist()
        about_z = torch.tensor([[math.cos(z), -math.sin(z), 0], [math.sin(z), math.cos(z), 0], [0, 0, 1.0]])
        about_x = torch.tensor([[1.0, 0, 0], [0, math.cos(x), -math.sin(x)], [0, math.sin(x), math.cos(x)]])
        matrix = camera.cam_to_world.cpu().clone()
        matrix[:3] = about_z @ about_x @ matrix[:3]
        return Camera(matrix, camera.fov_deg, camera.width, camera.height)


def like(camera: Camera, azimuth_deg: float, elevation_deg: float, radius: float) -> Camera:
    """A camera of the same lens elsewhere on the view sphere."""
    return Camera(orbit(azimuth_deg, elevation_deg, radius), camera.fov_deg, camera.width, camera.height)

# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers annotates its models loosely, torch its Sequential.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
"""Zero-1-to-3 (Liu et al. 2023): one image and a relative camera -> the image from that camera.

Stable Diffusion's UNet with eight (two times the latent's) input channels. Everything about the model's own
convention of cameras is in `relative_pose`; widths are read from the weights' configs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import CLIPVisionModelWithProjection

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
PARTS = {"vae": AutoencoderKL, "image_encoder": CLIPVisionModelWithProjection, "unet": UNet2DConditionModel}
LINEARS = {"clip_camera_projection": "proj", "camera_head": "head"}


def relative_pose(azimuth_deg: Tensor, elevation_deg: Tensor, radius: Tensor | float = 0.0) -> Tensor:
    """Differences target - input of azimuth, elevation (degrees) and distance (world units) -> (B, 4).

    Zero-1-to-3's vector: polar angle (grows downwards: minus the elevation), sine and cosine of the azimuth
    (counter-clockwise seen from +Z, like ours), distance.
    """
    azimuth, elevation = torch.deg2rad(azimuth_deg), torch.deg2rad(elevation_deg)
    return torch.stack([-elevation, azimuth.sin(), azimuth.cos(), torch.as_tensor(radius).expand_as(azimuth)], -1)


@dataclass
class Condition:
    """What the model knows of an input image: embedding (B, D) and latent (B, C, h, w), unscaled posterior mode."""

    embedding: Tensor
    latent: Tensor


class Zero123(nn.Module):
    """The four networks of Zero-1-to-3; the starter has a fifth, `camera_head`, that estimates the input's camera."""

    def __init__(
        self,
        vae: AutoencoderKL,
        image_encoder: CLIPVisionModelWithProjection,
        unet: UNet2DConditionModel,
        clip_camera_projection: nn.Linear,
        camera_head: nn.Linear | None = None,
        prediction_type: str = "epsilon",
    ):
        super().__init__()
        self.vae, self.image_encoder, self.unet = vae, image_encoder, unet
        self.clip_camera_projection, self.camera_head = clip_camera_projection, camera_head
        self.scheduler = make_scheduler(prediction_type)

    @property
    def image_size(self) -> int:
        """Side of input and output images in pixels."""
        return self.unet.config.sample_size * 2 ** (len(self.vae.config.block_out_channels) - 1)

    def encode(self, image: Tensor) -> Condition:
        """image (B, 3, S, S) in -1..1, on white."""
        return Condition(self.embed(image), self.vae.encode(image).latent_dist.mode())

    def embed(self, image: Tensor) -> Tensor:
        """CLIP's image embedding (B, D); the resize is kornia's of the published code, which overshoots unclamped."""
        side = self.image_encoder.config.image_size
        if image.shape[-1] != side:
            image = F.interpolate(image, (side, side), mode="bicubic", align_corners=True, antialias=False)
        mean, std = (
            torch.tensor(v, device=image.device, dtype=image.dtype).view(3, 1, 1) for v in (CLIP_MEAN, CLIP_STD)
        )
        return self.image_encoder(((image + 1) / 2 - mean) / std).image_embeds

    def denoise(self, noisy: Tensor, t: Tensor, condition: Condition, pose: Tensor) -> Tensor:
        """The UNet's raw output for noisy latents (B, C, h, w), timesteps (B,) and relative poses (B, 4)."""
        token = self.clip_camera_projection(torch.cat([condition.embedding, pose], -1))[:, None]
        return self.unet(torch.cat([noisy, condition.latent], 1), t, token).sample

    def guided(self, noisy: Tensor, t: Tensor, condition: Condition, pose: Tensor, scale: float) -> Tensor:
        """Classifier-free guidance; the unconditional branch has zeros for the token and for the latent."""
        if scale == 1:
            return self.denoise(noisy, t, condition, pose)
        token = self.clip_camera_projection(torch.cat([condition.embedding, pose], -1))[:, None]
        token = torch.cat([torch.zeros_like(token), token])
        latent = torch.cat([torch.zeros_like(condition.latent), condition.latent])
        both = self.unet(torch.cat([noisy.repeat(2, 1, 1, 1), latent], 1), t.repeat(2), token).sample
        unconditional, conditional = both.chunk(2)
        return unconditional + scale * (conditional - unconditional)

    @torch.no_grad()
    def sample(
        self,
        condition: Condition,
        pose: Tensor,
        steps: int,
        guidance_scale: float,
        generator: torch.Generator,
        eta: float = 0.0,
        step_done: Callable[[int, int], None] = lambda i, n: None,
    ) -> Tensor:
        """DDIM. Relative poses (B, 4), a condition of batch B or 1 -> images (B, 3, S, S) in 0..1."""
        n = len(pose)
        condition = Condition(condition.embedding.expand(n, -1), condition.latent.expand(n, -1, -1, -1))
        self.scheduler.set_timesteps(steps, device=pose.device)
        shape = (n, self.unet.config.out_channels, *condition.latent.shape[2:])
        latents = torch.randn(shape, generator=generator).to(pose)
        for i, t in enumerate(self.scheduler.timesteps):
            output = self.guided(latents, t.expand(n), condition, pose, guidance_scale)
            latents = self.scheduler.step(output, t, latents, eta=eta, generator=generator).prev_sample
            step_done(i + 1, steps)
        return self.decode(latents)

    def decode(self, latents: Tensor) -> Tensor:
        """Scaled latents (B, C, h, w) -> images (B, 3, S, S) in 0..1."""
        return (self.vae.decode(latents / self.vae.config.scaling_factor).sample / 2 + 0.5).clamp(0, 1)

    @torch.no_grad()
    def estimate_camera(self, embedding: Tensor) -> tuple[float, float] | None:
        """(elevation in degrees, apparent distance) of the input view; None where the weights have no such head."""
        if self.camera_head is None:
            return None
        polar, distance = self.camera_head(embedding)[0].tolist()
        return 90 - math.degrees(polar), distance

    def save(self, folder: Path) -> None:
        """Write the diffusers layout of the published conversions, float16, linear layers in folders of their own."""
        for name in PARTS:
            deepcopy(getattr(self, name)).half().save_pretrained(folder / name)
        for name, prefix in LINEARS.items():
            (folder / name).mkdir(exist_ok=True)
            state = {f"{prefix}.{k}": v.half().contiguous() for k, v in getattr(self, name).state_dict().items()}
            save_file(state, folder / name / "diffusion_pytorch_model.safetensors")
        self.scheduler.save_pretrained(folder / "scheduler")

    @classmethod
    def load(cls, folder: Path, device: torch.device, dtype: torch.dtype) -> Zero123:
        """Read a diffusers-layout folder (safetensors only)."""
        parts = {
            name: kind.from_pretrained(folder / name, torch_dtype=dtype, use_safetensors=True)
            for name, kind in PARTS.items()
        }
        linears = {
            n: _load_linear(f) for n in LINEARS if (f := folder / n / "diffusion_pytorch_model.safetensors").exists()
        }
        config = json.loads((folder / "scheduler" / "scheduler_config.json").read_text())
        model = cls(**parts, **linears, prediction_type=config["prediction_type"])
        return model.to(device, dtype).eval().requires_grad_(False)


def make_scheduler(prediction_type: str) -> DDIMScheduler:
    """Stable Diffusion's schedule; the starter predicts v from pure noise, and needs a schedule that ends there."""
    starter = prediction_type == "v_prediction"
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=starter,
        steps_offset=0 if starter else 1,
        prediction_type=prediction_type,
        rescale_betas_zero_snr=starter,
        timestep_spacing="trailing" if starter else "leading",
    )


def _load_linear(file: Path) -> nn.Linear:
    state = {k.rsplit(".", 1)[-1]: v for k, v in load_file(file).items()}
    layer = nn.Linear(state["weight"].shape[1], state["weight"].shape[0])
    layer.load_state_dict(state)
    return layer

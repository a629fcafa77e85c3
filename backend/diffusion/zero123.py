# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers annotates its models loosely, torch its Sequential.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
"""Zero-1-to-3 (Liu et al. 2023): one image and a relative camera -> the image from that camera.

Stable Diffusion's UNet with eight (two times the latent's) input channels. Everything about the model's own
convention of cameras is in `relative_pose` and `Zero123.pose`. Files are read in `weights.zero123`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPVisionModelWithProjection

from ..runtime.batches import Batches
from ..runtime.memory import give_back, is_memory
from ..runtime.offload import LOWER, Placement, choose_placement, place, take_turn
from ..runtime.single_token_attention import use_single_token
from .clip_similarity import normalise
from .sampling import Sampling, choose_sampling, make_scheduler, plan

Kind = Literal["starter", "zero123", "stable-zero123"]
PARTS = {"vae": AutoencoderKL, "image_encoder": CLIPVisionModelWithProjection, "unet": UNet2DConditionModel}
LINEARS = {"clip_camera_projection": "proj"}
NOTE = "zero123.json"  # {"kind": ...}, which tensors do not reveal; users may put it beside a checkpoint


def relative_pose(azimuth_deg: Tensor, elevation_deg: Tensor, radius: Tensor | float = 0.0) -> Tensor:
    """Differences target - input of azimuth, elevation (degrees) and distance (world units) -> (B, 4).

    Zero-1-to-3's vector: polar angle (grows downwards: minus the elevation), sine and cosine of the azimuth
    (counter-clockwise seen from +Z, like ours), distance.
    """
    azimuth, elevation = torch.deg2rad(azimuth_deg), torch.deg2rad(elevation_deg)
    return torch.stack([-elevation, azimuth.sin(), azimuth.cos(), torch.as_tensor(radius).expand_as(azimuth)], -1)


@dataclass
class Condition:
    """The encoded input image: embedding (B, D) and latent (B, C, h, w), the posterior's unscaled mode."""

    embedding: Tensor
    latent: Tensor


class Zero123(nn.Module):
    """The four networks of Zero-1-to-3."""

    def __init__(
        self,
        vae: AutoencoderKL,
        image_encoder: CLIPVisionModelWithProjection,
        unet: UNet2DConditionModel,
        clip_camera_projection: nn.Linear,
        prediction_type: str = "epsilon",
        kind: Kind = "zero123",
    ):
        super().__init__()
        self.vae, self.image_encoder, self.unet = vae, image_encoder, unet
        self.clip_camera_projection = clip_camera_projection
        self.kind: Kind = kind
        self.scheduler = make_scheduler(prediction_type)
        self.batches = {name: Batches() for name in PARTS}
        self.placement: Placement | None = None  # None on a CPU, where `settle` is not called
        self.device = torch.device("cpu")
        use_single_token(unet)

    @property
    def is_starter(self) -> bool:
        """Whether these are the weights that ship with the extension, which engines treat by recipes of their own."""
        return self.kind == "starter"

    @property
    def image_size(self) -> int:
        """Side of input and output images in pixels."""
        return self.unet.config.sample_size * 2 ** (len(self.vae.config.block_out_channels) - 1)

    @property
    def dtype(self) -> torch.dtype:
        """The number type of computation; weights may be stored in fewer bits."""
        return self.clip_camera_projection.weight.dtype

    def settle(self, device: torch.device, free: int) -> Zero123:
        """Move to a device that has `free` bytes: whole, or its networks in turns, or layer by layer."""
        self.device = device
        self._place(choose_placement(self._networks(), free))
        for name in LINEARS:
            getattr(self, name).to(device)
        return self

    def _networks(self) -> dict[str, nn.Module]:
        return {name: getattr(self, name) for name in PARTS}

    def _place(self, placement: Placement) -> None:
        self.placement = placement
        place(self._networks(), self.device, placement)

    def run(self, name: str, network: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        """Run a function of one of the PARTS on batches that fit in memory.

        If not even one item fits beside the weights, they are offloaded further from then on.
        """
        while True:
            if self.placement == "turns":
                take_turn(self._networks(), name, self.device)
            try:
                return self.batches[name].run(network, *inputs)
            except Exception as error:
                if self.placement not in LOWER or not is_memory(error):
                    raise
            give_back(self.device)  # outside the handler, whose traceback holds tensors
            self._place(LOWER[self.placement])

    def pose(
        self,
        azimuth_deg: Tensor,
        elevation_deg: Tensor,
        input_elevation_deg: Tensor | float,
        radius: Tensor | float = 0.0,
    ) -> Tensor:
        """Differences target - input as in `relative_pose`, and the input camera's own elevation -> (B, 4).

        Stable Zero123 takes the input's polar angle (90 degrees minus the elevation, in radians) in place of the
        distance; the others do not.
        """
        pose = relative_pose(azimuth_deg, elevation_deg, radius)
        if self.kind == "stable-zero123":
            pose[:, 3] = torch.deg2rad(90 - torch.as_tensor(input_elevation_deg, dtype=pose.dtype, device=pose.device))
        return pose

    def sampling(self, quality: str = "fast", steps: int = 0, guidance_scale: float = 0.0) -> Sampling:
        """The sampling for these weights; steps and guidance scale other than 0 override it."""
        return choose_sampling(self.is_starter, quality, steps, guidance_scale)

    def encode(self, image: Tensor) -> Condition:
        """image (B, 3, S, S) in -1..1, on white."""
        image = image.to(self.dtype)
        latent = self.run("vae", lambda part: self.vae.encode(part).latent_dist.mode(), image)
        return Condition(self.run("image_encoder", self.embed, image), latent)

    def embed(self, image: Tensor) -> Tensor:
        """CLIP's image embedding (B, D), after kornia's resizing as in the published code: unclamped, it overshoots."""
        side = self.image_encoder.config.image_size
        if image.shape[-1] != side:
            image = F.interpolate(image, (side, side), mode="bicubic", align_corners=True, antialias=False)
        return self.image_encoder(normalise((image + 1) / 2)).image_embeds

    def context(self, condition: Condition, pose: Tensor) -> Tensor:
        """The one token that the UNet attends to, (B, 1, D)."""
        return self.clip_camera_projection(torch.cat([condition.embedding, pose.to(condition.embedding)], -1))[:, None]

    def denoise(self, noisy: Tensor, t: Tensor, condition: Condition, pose: Tensor) -> Tensor:
        """The UNet's raw output for noisy latents (B, C, h, w), timesteps (B,) and relative poses (B, 4)."""
        return self.unet(torch.cat([noisy, condition.latent], 1), t, self.context(condition, pose)).sample

    def guided(self, noisy: Tensor, t: Tensor, condition: Condition, pose: Tensor, scale: float) -> Tensor:
        """Classifier-free guidance; the unconditional branch has zeros for the token and for the latent.

        Both branches of all views are one batch, or as many as the memory asks for.
        """

        def unet(noisy: Tensor, latent: Tensor, t: Tensor, token: Tensor) -> Tensor:
            return self.unet(torch.cat([noisy, latent], 1), t, token).sample

        latent, token = condition.latent, self.context(condition, pose)
        if scale == 1:
            return self.run("unet", unet, noisy, latent, t, token)
        latent = torch.cat([torch.zeros_like(latent), latent])
        token = torch.cat([torch.zeros_like(token), token])
        both = self.run("unet", unet, noisy.repeat(2, 1, 1, 1), latent, t.repeat(2), token)
        unconditional, conditional = both.chunk(2)
        return unconditional + scale * (conditional - unconditional)

    @torch.no_grad()
    def sample(
        self,
        condition: Condition,
        pose: Tensor,
        sampling: Sampling,
        generator: torch.Generator,
        step_done: Callable[[int, int], None] = lambda i, n: None,
    ) -> Tensor:
        """Relative poses (B, 4), a condition of batch B or 1 -> images (B, 3, S, S) in 0..1."""
        shape = (len(pose), self.unet.config.out_channels, *condition.latent.shape[2:])
        noise = torch.randn(shape, generator=generator).to(pose.device)
        return self.decode(self.sample_latents(condition, pose, sampling, noise, generator, step_done))

    @torch.no_grad()
    def sample_latents(
        self,
        condition: Condition,
        pose: Tensor,
        sampling: Sampling,
        noise: Tensor,
        generator: torch.Generator | None = None,
        step_done: Callable[[int, int], None] = lambda i, n: None,
    ) -> Tensor:
        """As `sample`, from noise (B, C, h, w) float32 to scaled latents; the solver computes in float32."""
        n = len(pose)
        condition = Condition(condition.embedding.expand(n, -1), condition.latent.expand(n, -1, -1, -1))
        scheduler = plan(self.scheduler.config.prediction_type, sampling, noise.device)
        noisy_steps = {"eta": sampling.eta, "generator": generator} if sampling.solver == "ddim" else {}
        latents = noise
        for i, t in enumerate(scheduler.timesteps):
            output = self.guided(latents.to(condition.latent), t.expand(n), condition, pose, sampling.guidance_scale)
            latents = scheduler.step(output.to(latents), t, latents, **noisy_steps).prev_sample
            step_done(i + 1, len(scheduler.timesteps))
        return latents

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Scaled latents (B, C, h, w) -> images (B, 3, S, S) in 0..1."""
        latents = latents.to(self.dtype) / self.vae.config.scaling_factor
        images = self.run("vae", lambda part: self.vae.decode(part).sample, latents)
        return (images.float() / 2 + 0.5).clamp(0, 1)

    def save(self, folder: Path) -> None:
        """Write the diffusers layout of the published conversions, float16, linear layers in folders of their own."""
        for name in PARTS:
            deepcopy(getattr(self, name)).half().save_pretrained(folder / name)
        for name, prefix in LINEARS.items():
            (folder / name).mkdir(exist_ok=True)
            state = {f"{prefix}.{k}": v.half().contiguous() for k, v in getattr(self, name).state_dict().items()}
            save_file(state, folder / name / "diffusion_pytorch_model.safetensors")
        self.scheduler.save_pretrained(folder / "scheduler")
        (folder / NOTE).write_text(json.dumps({"kind": self.kind}), "utf-8")

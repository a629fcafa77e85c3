# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers annotates its models loosely, torch its Sequential.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false, reportOptionalMemberAccess=false, reportOptionalSubscript=false, reportOperatorIssue=false, reportOptionalOperand=false
"""The starter's image auto-encoder: Stable Diffusion's AutoencoderKL, narrow, 64 px to 8 x 8 x 8."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor, nn

from .loop import train
from .views import Views

CONFIG = {
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "block_out_channels": (24, 48, 64, 64),
    "layers_per_block": 1,
    "latent_channels": 8,
    "norm_num_groups": 8,
    "sample_size": 64,
}


def to_tensor(images) -> Tensor:
    """Images uint8 (B, H, W, 3) -> float32 (B, 3, H, W) in -1..1."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1


@torch.no_grad()
def start_as_thumbnail(vae: AutoencoderKL) -> None:
    """Initialise as a codec of the 8 x 8 thumbnail: residual branches nearly off, everything else nearly the identity.

    From random weights the colours of these mostly grey images are not learned for thousands of steps.
    """
    for name, layer in vae.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.weight *= 0.1 if name.endswith(("conv2", "to_out.0")) else 0.3
        if isinstance(layer, nn.Conv2d) and not name.endswith(("conv1", "conv2")):
            middle = layer.kernel_size[0] // 2
            taps = (
                layer.weight[..., :2, :2]
                if layer.stride[0] == 2
                else layer.weight[..., middle, middle][..., None, None]
            )
            for channel in range(3):
                taps[channel, channel] += 1 / taps[channel, channel].numel()


def recolor(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Saturate and permute the channels of images (B, 3, H, W), as the meshes are mostly grey and brown."""
    grey = images.mean(1, keepdim=True)
    strength = torch.from_numpy(rng.uniform(0.7, 3, (len(images), 1, 1, 1))).float()
    return (grey + strength * (images - grey)).clamp(-1, 1)[:, rng.permutation(3)]


def train_vae(views: Views, folder: Path, steps: int, batch: int = 8, device: str = "cpu") -> AutoencoderKL:
    """Train the auto-encoder with `image_losses`, in place of Rombach et al.'s perceptual and adversarial losses."""
    torch.manual_seed(0)
    vae = AutoencoderKL(**CONFIG).to(device)
    start_as_thumbnail(vae)
    objects = views.select(validation=False)

    def loss(rng):
        x = recolor(draw_images(views, objects, rng, batch), rng).to(device)
        # The mode, not a sample: early on noise would drown the weak colour signal.
        return image_losses(vae.decode(vae.encode(x).latent_dist.mode()).sample, x)

    vae = train(vae, loss, folder, steps, lr=7e-4, ema=0.995)
    normalise_latents(vae, views)
    vae.register_to_config(scaling_factor=1.0)
    vae.save_pretrained(folder / "model")
    return vae


def refine_decoder(
    vae: AutoencoderKL, views: Views, folder: Path, steps: int, batch: int = 8, device: str = "cpu"
) -> AutoencoderKL:
    """Fine-tune the decoder only, so that the latents, and the novel-view model on them, stay valid."""
    vae = vae.to(device).requires_grad_(False)
    part = nn.ModuleList([vae.post_quant_conv, vae.decoder]).requires_grad_(True)
    objects = views.select(validation=False)

    def loss(rng):
        x = recolor(draw_images(views, objects, rng, batch), rng).to(device)
        with torch.no_grad():
            latents = vae.encode(x).latent_dist.mode()
        return image_losses(part[1](part[0](latents)), x)

    train(part, loss, folder, steps, lr=7e-4)
    vae.save_pretrained(folder / "model")
    return vae


def draw_images(views: Views, objects: np.ndarray, rng: np.random.Generator, batch: int) -> Tensor:
    """Random views of `objects`, (batch, 3, S, S) in -1..1."""
    i = rng.choice(objects, batch), rng.integers(3, size=batch), rng.integers(views.images.shape[2], size=batch)
    return to_tensor(views.images[i])


def image_losses(y: Tensor, x: Tensor) -> dict[str, Tensor]:
    """L1 and L2 of pixels, and L2 of the means of 8 x 8 cells."""
    cells = F.mse_loss(F.avg_pool2d(y, 8), F.avg_pool2d(x, 8))
    return {"mse": 4 * F.mse_loss(y, x), "cells": 4 * cells, "l1": 0.5 * (x - y).abs().mean()}


@torch.no_grad()
def normalise_latents(vae: AutoencoderKL, views: Views) -> None:
    """Normalise every latent channel to mean 0 and variance 1 in the two 1 x 1 convolutions.

    Decoded images are unchanged. Otherwise the diffusion model would neglect the channels that hold silhouettes, whose
    values are small.
    """
    sample = views.select(validation=False)[:64]
    images = views.images[sample, 0].reshape(-1, *views.images.shape[3:])
    latents = vae.encode(to_tensor(images).to(vae.device)).latent_dist.mode()
    std, mean = torch.std_mean(latents, (0, 2, 3))
    n, (into, out) = len(std), (vae.quant_conv, vae.post_quant_conv)
    into.bias[:n] = (into.bias[:n] - mean) / std
    into.weight[:n] /= std[:, None, None, None]
    out.bias += out.weight[..., 0, 0] @ mean
    out.weight *= std[:, None, None]

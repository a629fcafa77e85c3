# SPDX-License-Identifier: GPL-3.0-or-later
"""The starter's image auto-encoder: Stable Diffusion's AutoencoderKL, narrow, 64 px to 8 x 8 x 8."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor, nn

from .loop import train
from .views import Views

KL_WEIGHT = 1e-6
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
    """uint8 (B, H, W, 3) -> float32 (B, 3, H, W) in -1..1."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1


def train_vae(views: Views, folder: Path, steps: int, batch: int = 8, device: str = "cpu") -> AutoencoderKL:
    """L1 of pixels, of edges and of cells + KL (Rombach et al. 2022 without the perceptual and adversarial terms); scaling_factor is measured."""
    torch.manual_seed(0)
    vae = AutoencoderKL(**CONFIG).to(device)
    # Start with little noise: with the default one the decoder first learns to ignore the latents.
    nn.init.constant_(vae.quant_conv.bias.detach()[CONFIG["latent_channels"] :], -6)
    objects = views.select(validation=False)

    def loss(rng):
        i = rng.choice(objects, batch), rng.integers(3, size=batch), rng.integers(views.images.shape[2], size=batch)
        x = to_tensor(views.images[i]).to(device)
        posterior = vae.encode(x).latent_dist
        y = vae.decode(posterior.sample()).sample
        edges = sum((x.diff(dim=d) - y.diff(dim=d)).abs().mean() for d in (2, 3))
        # Without the means of whole cells, colour is learnt long after brightness.
        cells = (F.avg_pool2d(x, 8) - F.avg_pool2d(y, 8)).abs().mean()
        return {"l1": (x - y).abs().mean(), "edges": 0.5 * edges, "cells": 2 * cells, "kl": KL_WEIGHT * posterior.kl().mean()}

    vae = train(vae, loss, folder, steps, lr=1.5e-3, ema=0.995)
    vae.register_to_config(scaling_factor=float(1 / measure_latent_scale(vae, views)))
    vae.save_pretrained(folder / "model")
    return vae


@torch.no_grad()
def measure_latent_scale(vae: AutoencoderKL, views: Views) -> Tensor:
    """Standard deviation of the latents, so that the scaled ones have unit variance."""
    images = views.images[views.select(validation=False)[:32], 0].reshape(-1, *views.images.shape[3:])
    return vae.encode(to_tensor(images).to(vae.device)).latent_dist.mode().std()

# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers annotates its models loosely, torch its Sequential.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
"""Training of the starter's Zero-1-to-3: image encoder, projection and UNet jointly, on the views' latents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from ..diffusion.zero123 import Condition, Zero123, relative_pose
from .loop import train
from .vae import to_tensor
from .views import FRAMED, NEIGHBOUR, PLAIN, VIEWPOINTS, Views

WIDTH = 192  # of the embedding and the cross-attention token
ATTENTION = 3  # levels, all with cross-attention
DROP = 0.05  # share of samples without condition, for classifier-free guidance
FROM_NOISE = 0.7  # share of samples at the last timestep, the only one that the starter's single step evaluates
INPUT_ELEVATIONS = (-12.0, 48.0)  # degrees, typical of photos


def make_zero123(vae: AutoencoderKL) -> Zero123:
    """The starter's networks, randomly initialised, in Zero-1-to-3's layout."""
    image_encoder = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=WIDTH,
            intermediate_size=4 * WIDTH,
            num_hidden_layers=4,
            num_attention_heads=6,
            image_size=64,
            patch_size=16,
            projection_dim=WIDTH,
            hidden_act="quick_gelu",
        )
    )
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=16,
        out_channels=8,
        block_out_channels=(96, 160, 192),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D",) * ATTENTION,
        up_block_types=("CrossAttnUpBlock2D",) * ATTENTION,
        cross_attention_dim=WIDTH,
        attention_head_dim=4,
        norm_num_groups=16,
    )
    return Zero123(vae, image_encoder, unet, nn.Linear(WIDTH + 4, WIDTH), "v_prediction", "starter")


class Latents:
    """The views' posterior modes, float16, unscaled, encoded on first use and cached in `folder`."""

    def __init__(self, vae: AutoencoderKL, views: Views, folder: Path):
        self.vae = vae
        self.images = views.images
        side = views.images.shape[3] // 2 ** (len(vae.config.block_out_channels) - 1)
        shape = (*views.images.shape[:3], vae.config.latent_channels, side, side)
        folder.mkdir(parents=True, exist_ok=True)
        mode = "r+" if (folder / "latents.npy").exists() else "w+"
        self.stored = np.lib.format.open_memmap(folder / "latents.npy", mode, np.float16, shape)

    @torch.no_grad()
    def __call__(self, index: tuple) -> Tensor:
        """Latents (B, C, h, w) for three index arrays (B,): object, kind and viewpoint."""
        index = tuple(np.broadcast_arrays(*index))
        latents = self.stored[index]
        new = ~latents.any((1, 2, 3))
        if new.any():
            missing = tuple(i[new] for i in index)
            images = to_tensor(self.images[missing]).to(self.vae.device)
            self.stored[missing] = latents[new] = self.vae.encode(images).latent_dist.mode().half().cpu().numpy()
        return torch.from_numpy(latents).float().to(self.vae.device)


def draw_pairs(rng: np.random.Generator, views: Views, objects: np.ndarray, batch: int) -> tuple[tuple, tuple]:
    """Draw index arrays (object, kind, viewpoint) of inputs and targets for both stages, in a ratio of 7 to 3.

    First stage: from an input framed within INPUT_ELEVATIONS to any viewpoint. Second: between neighbours.
    """
    i, m = rng.choice(objects, batch), rng.integers(VIEWPOINTS, size=batch)
    elevation = views.poses[i, FRAMED, :, 1]
    usual = (elevation > INPUT_ELEVATIONS[0]) & (elevation < INPUT_ELEVATIONS[1])
    k = np.argmax(rng.random(usual.shape) + usual, 1)
    sort = rng.random(batch)
    near, swap = sort < 0.3, sort < 0.1
    source = np.where(near, np.where(swap, NEIGHBOUR, PLAIN), FRAMED)
    target = np.where(near & ~swap, NEIGHBOUR, PLAIN)
    return (i, source, k), (i, target, np.where(near, k, m))


def train_novel_view(
    model: Zero123, views: Views, folder: Path, steps: int, batch: int = 64, device: str = "cpu"
) -> Zero123:
    """Train with the v-prediction loss on the targets' latents."""
    model = model.to(device).requires_grad_(True).train()
    vae = model.vae.requires_grad_(False).eval()
    model.unet.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  # a fifth faster on CPUs
    latents = Latents(vae, views, folder)
    objects = views.select(validation=False)
    scale = float(vae.config.scaling_factor)

    def loss(rng):
        source, target = draw_pairs(rng, views, objects, batch)
        clean = latents(target) * scale
        a, b = (torch.from_numpy(views.poses[index]).to(device) for index in (source, target))
        embedding = model.embed(to_tensor(views.images[source]).to(device))
        keep = torch.from_numpy(rng.random(batch) >= DROP).to(device)
        condition = Condition(embedding, latents(source))
        t = np.where(rng.random(batch) < FROM_NOISE, 999, rng.integers(1000, size=batch))
        t = torch.from_numpy(t).to(device)
        noise = torch.randn_like(clean)
        noisy = model.scheduler.add_noise(clean, noise, t)
        velocity = model.scheduler.get_velocity(clean, noise, t)
        output = denoise_dropped(model, noisy, t, condition, relative_pose(*(b - a).unbind(-1)), keep)
        return {"v": F.mse_loss(output, velocity)}

    return train(model, loss, folder, steps, lr=5e-4, muon=True)


def denoise_dropped(
    model: Zero123, noisy: Tensor, t: Tensor, condition: Condition, pose: Tensor, keep: Tensor
) -> Tensor:
    """Denoise with token and latent zeroed where `keep` (B,) is False, as in classifier-free guidance."""
    token = model.clip_camera_projection(torch.cat([condition.embedding, pose], -1)) * keep[:, None]
    return model.unet(torch.cat([noisy, condition.latent * keep[:, None, None, None]], 1), t, token[:, None]).sample

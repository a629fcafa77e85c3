# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers annotates its models loosely.
# pyright: reportArgumentType=false
"""Zero123 in the published layout at any width, with random weights: time and memory do not depend on their values."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from accelerate import init_empty_weights
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from backend.weights.loaders.sparse_neus import load_sparse_neus
from backend.weights.loaders.zero123 import write_part
from backend.weights.loaders.zero123_layout import NOTE
from backend.weights.store.store import STARTER

FULL = {"unet": 320, "vae": 128, "clip": 1024, "clip_layers": 24}  # 859.5, 83.7 and 304.0 million parameters
SMALL = {"unet": 32, "vae": 32, "clip": 64, "clip_layers": 2}


def empty(widths: dict[str, int]) -> dict[str, nn.Module]:
    """The four networks without weights."""
    down, up = ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",), ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3
    clip = CLIPVisionConfig(
        hidden_size=widths["clip"], intermediate_size=4 * widths["clip"], num_hidden_layers=widths["clip_layers"],
        num_attention_heads=widths["clip"] // 64, image_size=224, patch_size=14, projection_dim=768,
    )  # fmt: skip
    with init_empty_weights(include_buffers=False):
        return {
            "unet": UNet2DConditionModel(
                sample_size=32, in_channels=8, out_channels=4, cross_attention_dim=768, attention_head_dim=8,
                block_out_channels=tuple(widths["unet"] * m for m in (1, 2, 4, 4)),
                down_block_types=down, up_block_types=up,
            ),
            "vae": AutoencoderKL(
                block_out_channels=tuple(widths["vae"] * m for m in (1, 2, 4, 4)), layers_per_block=2,
                down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
                latent_channels=4,
            ),
            "image_encoder": CLIPVisionModelWithProjection(clip),
            "clip_camera_projection": nn.Linear(772, 768),
        }  # fmt: skip


def fill(name: str, shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Normal numbers that keep the size of what passes; scales of norms are 1, biases 0."""
    if len(shape) < 2:
        return torch.ones(shape).half() if name.endswith("weight") else torch.zeros(shape).half()
    return (torch.randn(shape, generator=generator) * shape[1:].numel() ** -0.5).half()


def write(folder: Path, widths: dict[str, int], seed: int = 0) -> int:
    """Write a float16 safetensors folder that the engine takes, SparseNeuS of the starter in it; its parameters."""
    generator = torch.Generator().manual_seed(seed)
    count = 0
    for name, part in empty(widths).items():
        state = {key: fill(key, value.shape, generator) for key, value in part.state_dict().items()}
        count += sum(value.numel() for value in state.values())
        write_part(folder / name, part, state)
    (folder / NOTE).write_text(json.dumps({"kind": "zero123"}))
    return count


def add_reconstruction(folder: Path) -> None:
    """The starter's SparseNeuS, which has the published widths, as the published file; the volume has 96^3 voxels."""
    networks: dict[str, dict[str, Tensor]] = {}
    for name, value in load_sparse_neus(STARTER / "sparse_neus.safetensors").state_dict().items():
        network, _, rest = name.partition(".")
        networks.setdefault(network, {})[rest] = value
    torch.save(networks, folder / "ckpt_215000.pth")

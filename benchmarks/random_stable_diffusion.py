# SPDX-License-Identifier: GPL-3.0-or-later
"""Stable Diffusion 2.1 base in diffusers' layout at its full size, with random weights and the starter's tokenizer."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from accelerate import init_empty_weights
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from backend.weights.loaders.zero123 import write_part
from backend.weights.store.store import STARTER

from .random_zero123 import FULL, empty, fill

TEXT = STARTER.parent / "starter_text"


def networks() -> dict[str, nn.Module]:
    """865.9, 83.7 and 340.4 million parameters, without numbers."""
    down, up = ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",), ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3
    text = CLIPTextConfig(
        vocab_size=49408, hidden_size=1024, intermediate_size=4096, num_hidden_layers=23, num_attention_heads=16,
        projection_dim=512, hidden_act="gelu",
    )  # fmt: skip
    with init_empty_weights(include_buffers=False):
        unet = UNet2DConditionModel(
            sample_size=64, in_channels=4, out_channels=4, cross_attention_dim=1024, attention_head_dim=(5, 10, 20, 20),  # pyright: ignore[reportArgumentType]
            block_out_channels=(320, 640, 1280, 1280), down_block_types=down, up_block_types=up,
            use_linear_projection=True,
        )  # fmt: skip
        return {"unet": unet, "vae": empty(FULL)["vae"], "text_encoder": CLIPTextModel(text)}


def write(folder: Path, seed: int = 0) -> int:
    """Write the float16 folder; its parameters."""
    generator, count = torch.Generator().manual_seed(seed), 0
    for name, part in networks().items():
        state = {key: fill(key, value.shape, generator) for key, value in part.state_dict().items()}
        count += sum(value.numel() for value in state.values())
        if isinstance(part, CLIPTextModel):
            (folder / name).mkdir(parents=True)
            part.config.to_json_file(folder / name / "config.json")
            save_file(state, folder / name / "model.safetensors", metadata={"format": "pt"})
        else:
            write_part(folder / name, part, state)
    for name in ("tokenizer", "scheduler"):
        shutil.copytree(TEXT / name, folder / name)
    return count

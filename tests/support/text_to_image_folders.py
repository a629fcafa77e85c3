# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers and transformers annotate their models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false
"""Small text-to-image models with random weights, in diffusers' folders."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import DDIMScheduler, DDPMScheduler, IFPipeline, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel, T5Config, T5EncoderModel, T5Tokenizer

from tests.support.small_networks import LETTERS, autoencoder, clip_text_config, clip_tokenizer, unet


def write_stable_diffusion(folder: Path, prediction_type: str = "epsilon") -> None:
    """Stable Diffusion that makes images of 16 pixels a side, with a vocabulary of letters."""
    torch.manual_seed(0)
    encoder, vae = CLIPTextModel(clip_text_config()), autoencoder()
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type=prediction_type,
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    pipeline = StableDiffusionPipeline(
        vae,
        encoder,
        clip_tokenizer(),
        unet(4, 4),
        scheduler,
        None,
        None,
        requires_safety_checker=False,  # pyright: ignore
    )
    pipeline.save_pretrained(folder)


def write_deep_floyd(folder: Path) -> None:
    """DeepFloyd IF's first stage for images of 16 pixels a side, with a vocabulary of letters."""
    torch.manual_seed(0)
    words = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -2.0), ("▁", -2.0), *((letter, -3.0) for letter in LETTERS)]
    tokenizer = T5Tokenizer(words)
    encoder = T5EncoderModel(
        T5Config(vocab_size=len(tokenizer), d_model=12, d_kv=4, d_ff=16, num_layers=2, num_heads=2)
    )
    first_stage = UNet2DConditionModel(
        sample_size=16,
        in_channels=3,
        out_channels=6,
        down_block_types=("SimpleCrossAttnDownBlock2D",),
        up_block_types=("SimpleCrossAttnUpBlock2D",),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        layers_per_block=1,
        block_out_channels=(16,),
        cross_attention_dim=8,
        attention_head_dim=4,
        norm_num_groups=4,
        encoder_hid_dim=12,
        addition_embed_type="text",
        addition_embed_type_num_heads=2,
        resnet_time_scale_shift="scale_shift",
        act_fn="gelu",
    )
    scheduler = DDPMScheduler(
        beta_schedule="squaredcos_cap_v2",
        variance_type="learned_range",
        thresholding=True,
        sample_max_value=1.5,
        dynamic_thresholding_ratio=0.95,
    )
    pipeline = IFPipeline(tokenizer, encoder, first_stage, scheduler, None, None, None, requires_safety_checker=False)
    pipeline.save_pretrained(folder)

# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers and transformers annotate their models loosely.
# pyright: reportArgumentType=false
"""Small networks with random weights, in the classes of the large models. Callers seed torch."""

from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTokenizer, CLIPVisionConfig, CLIPVisionModelWithProjection

LETTERS = "abcdefghijklmnopqrstuvwxyz,"
WORDS = [*LETTERS, *(letter + "</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
CLIP_SIZES = {"num_attention_heads": 2, "intermediate_size": 24, "hidden_size": 12}


def autoencoder() -> AutoencoderKL:
    """Stable Diffusion's layout: images of 16 pixels a side, latents of 8."""
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(8, 8),
        norm_num_groups=4,
    )


def unet(inputs: int, outputs: int, width: int = 16) -> UNet2DConditionModel:
    """One level of cross-attention on embeddings of 12 numbers; inputs and outputs (B, channels, 8, 8)."""
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=inputs,
        out_channels=outputs,
        down_block_types=("CrossAttnDownBlock2D",),
        up_block_types=("CrossAttnUpBlock2D",),
        layers_per_block=1,
        block_out_channels=(width,),
        cross_attention_dim=12,
        attention_head_dim=2,
        norm_num_groups=4,
    )


def clip_vision(projection: int = 12, layers: int = 1) -> CLIPVisionModelWithProjection:
    """CLIP's image encoder for images of 16 pixels a side."""
    config = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        image_size=16,
        patch_size=8,
        projection_dim=projection,
    )
    return CLIPVisionModelWithProjection(config)


def clip_tokenizer(length: int = 20) -> CLIPTokenizer:
    """CLIP's tokenizer with a vocabulary of letters, for prompts of at most `length` tokens."""
    return CLIPTokenizer({word: i for i, word in enumerate(WORDS)}, [], model_max_length=length)


def clip_text_config(layers: int = 2, length: int = 20, **more) -> CLIPTextConfig:
    """CLIP's text encoder for `clip_tokenizer(length)`; embeddings of 12 numbers."""
    return CLIPTextConfig(
        **CLIP_SIZES,
        vocab_size=len(WORDS),
        num_hidden_layers=layers,
        max_position_embeddings=length,
        bos_token_id=len(WORDS) - 2,
        eos_token_id=len(WORDS) - 1,
        **more,
    )

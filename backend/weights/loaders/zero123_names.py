# SPDX-License-Identifier: GPL-3.0-or-later
"""From the names of diffusers and transformers to those in Zero123's original checkpoint."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..formats.names import Origin, swap, third

UNET, EMA, VAE = "model.diffusion_model.", "model_ema.", "first_stage_model."
CLIP, PROJECTION = "cond_stage_model.model.visual.", "cc_projection."
UNUSED = re.compile(  # the schedule, training's counters, CLIP's text half
    r"betas|alphas_cumprod\w*|(sqrt|log|posterior)_\w+|logvar|lvlb_weights|scale_factor|model_ema\.(decay|num_updates)"
    r"|cond_stage_model\.(mean|std)|cond_stage_model\.model\.(?!visual\.).+"
)
OWN = re.compile(r"model\.diffusion_model\.|(model_ema|first_stage_model|cond_stage_model\.model|cc_projection)\.|\w+/")
DEPRECATED = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}  # the VAE's, diffusers of 2022


RESIDUAL = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
UNET_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
}
VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
CLIP_ENDS = {
    "embeddings.class_embedding": "class_embedding",
    "embeddings.patch_embedding.weight": "conv1.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "pre_layrnorm": "ln_pre",
    "post_layernorm": "ln_post",
}
CLIP_LAYER = {
    "self_attn.out_proj": "attn.out_proj",
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}


def unet_origins(names: Iterable[str], blocks: int = 4) -> dict[str, Origin]:
    """For a UNet with two layers a block; published, its input and output blocks are numbered consecutively."""
    return {name: Origin(UNET + _unet_name(name, blocks)) for name in names}


def ema_name(name: str) -> str:
    """The name of the average of a UNet's tensor: without dots."""
    return EMA + name.removeprefix("model.").replace(".", "")


def _unet_name(name: str, blocks: int) -> str:
    if ".resnets." in name:
        name = swap(name, RESIDUAL)
    part = re.match(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)", name)
    if not part:
        return swap(name, UNET_ENDS)
    way, block, kind, layer, rest = part[1], int(part[2]), part[3], int(part[4]), part[5]
    if way == "down":
        if kind == "downsamplers":
            return f"input_blocks.{3 * block + 3}.0.{rest.replace('conv', 'op')}"
        return f"input_blocks.{3 * block + layer + 1}.{int(kind == 'attentions')}.{rest}"
    if kind == "upsamplers":  # comes after the attention, which the first block does not have
        return f"output_blocks.{3 * block + 2}.{1 if block == 0 else 2}.{rest}"
    return f"output_blocks.{3 * block + layer}.{int(kind == 'attentions')}.{rest}"


def vae_origins(names: Iterable[str], blocks: int) -> dict[str, Origin]:
    """Published, the decoder's blocks count from its output, and attention layers are 1x1 convolutions."""
    origins = {}
    for name in names:
        published = name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
        published = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", published)
        published = re.sub(r"encoder\.down_blocks\.(\d+)\.", r"encoder.down.\1.", published)
        published = re.sub(r"decoder\.up_blocks\.(\d+)\.", lambda m: f"decoder.up.{blocks - 1 - int(m[1])}.", published)
        published = re.sub(r"resnets\.(\d+)", r"block.\1", published)
        published = published.replace("downsamplers.0", "downsample").replace("upsamplers.0", "upsample")
        if "mid_block.attentions.0." not in published:
            origins[name] = Origin(VAE + published)
            continue
        published = VAE + swap(published.replace("mid_block.attentions.0.", "mid.attn_1."), VAE_ATTENTION)
        is_kernel = name.endswith("weight") and "group_norm" not in name
        origins[name] = (
            Origin(published, lambda s: (*s, 1, 1), lambda t: t[:, :, 0, 0]) if is_kernel else Origin(published)
        )
    return origins


def clip_origins(names: Iterable[str]) -> dict[str, Origin]:
    """OpenAI's CLIP joins query, key and value in one tensor, and transposes its projection."""
    origins = {}
    for name in names:
        published = name.removeprefix("vision_model.")
        layer = re.match(r"encoder\.layers\.(\d+)\.(.+)", published)
        if name == "visual_projection.weight":
            origins[name] = Origin(CLIP + "proj", lambda s: s[::-1], lambda t: t.T)
        elif layer and (part := re.match(r"self_attn\.([qkv])_proj\.(weight|bias)", layer[2])):
            origins[name] = third(f"{CLIP}transformer.resblocks.{layer[1]}.attn.in_proj_{part[2]}", part[1])
        elif layer:
            origins[name] = Origin(f"{CLIP}transformer.resblocks.{layer[1]}.{swap(layer[2], CLIP_LAYER)}")
        else:
            origins[name] = Origin(CLIP + swap(published, CLIP_ENDS))
    return origins

# SPDX-License-Identifier: GPL-3.0-or-later
"""From the names of our LRM's tensors to those in TripoSR's and OpenLRM's published files."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from ..formats.names import Origin, Shape, swap, third

ENCODER = "image_tokens.model."
DINO = {  # transformers of today -> those of 2023
    "attention.q_proj": "attention.attention.query",
    "attention.k_proj": "attention.attention.key",
    "attention.v_proj": "attention.attention.value",
    "attention.o_proj": "attention.output.dense",
    "mlp.fc1": "intermediate.dense",
    "mlp.fc2": "output.dense",
}
DINOV2 = {  # transformers -> DINOv2's own
    "embeddings.cls_token": "cls_token",
    "embeddings.register_tokens": "register_tokens",
    "embeddings.position_embeddings": "pos_embed",
    "embeddings.patch_embeddings.projection": "patch_embed.proj",
    "attention.o_proj": "attn.proj",
    "layer_scale1.lambda1": "ls1.gamma",
    "layer_scale2.lambda1": "ls2.gamma",
    "layernorm": "norm",
}
TRIPOSR = {
    "norm1.norm": "norm1",
    "norm2.norm": "norm2",
    "norm3.norm": "norm3",
    "self_attention": "attn1",
    "cross_attention": "attn2",
    "feed_forward.first": "ff.net.0.proj",
    "feed_forward.second": "ff.net.2",
}
OPENLRM = {
    "norm1.modulation": "norm1.mlp.1",
    "norm2.modulation": "norm2.mlp.1",
    "norm3.modulation": "norm3.mlp.1",
    "self_attention.to_out": "self_attn.out_proj",
    "cross_attention.to_out": "cross_attn.out_proj",
    "feed_forward.first": "mlp.0",
    "feed_forward.second": "mlp.3",
}


def triposr_origins(names: Iterable[str]) -> dict[str, Origin]:
    """Where TripoSR's file has the tensors of these names."""
    return {name: _triposr(name) for name in names}


def openlrm_origins(names: Iterable[str], version: str, packed: bool) -> dict[str, Origin]:
    """Where the file of OpenLRM `version`, "1.0" or "1.1", has the tensors of these names.

    packed: whether the cross-attention's query, key and value are one tensor, as torch keeps them where image and
    planes are equally wide.
    """
    return {name: _openlrm(name, version, packed) for name in names}


def _triposr(name: str) -> Origin:
    if name.startswith(ENCODER):
        return Origin("image_tokenizer.model." + _dino(name.removeprefix(ENCODER)))
    if name == "transformer.tokens":
        return Origin("tokenizer.embeddings", _as_planes, lambda t: t.permute(0, 2, 3, 1).flatten(0, 2))
    if layer := re.match(r"transformer\.blocks\.(\d+)\.(.+)", name):
        published = swap(layer[2], TRIPOSR).replace("to_out.", "to_out.0.")
        return Origin(f"backbone.transformer_blocks.{layer[1]}.{published}")
    published = name.replace("transformer.group_norm.", "backbone.norm.").replace("transformer.proj_", "backbone.proj_")
    if published.startswith("decoder."):
        published = published.replace("decoder.", "decoder.layers.")
    return Origin(published.replace("upsample.", "post_processor.upsample."))


def _openlrm(name: str, version: str, packed: bool) -> Origin:
    if name.startswith(ENCODER):
        own = name.removeprefix(ENCODER)
        return Origin("encoder.model." + _dino(own)) if version == "1.0" else _dinov2(own)
    if name == "transformer.tokens":
        published = "transformer.pos_embed" if version == "1.0" else "pos_embed"
        return Origin(published, lambda s: (1, *s), lambda t: t[0])
    if layer := re.match(r"transformer\.blocks\.(\d+)\.(.+)", name):
        return _openlrm_layer(f"transformer.layers.{layer[1]}.", layer[2], packed)
    for ours, theirs in (
        ("camera_embedding.", "camera_embedder.mlp."),
        ("upsample.", "transformer.deconv." if version == "1.0" else "upsampler."),
        ("decoder.", "synthesizer.decoder.net."),
    ):
        if name.startswith(ours):
            return Origin(theirs + name.removeprefix(ours))
    return Origin(name)


def _openlrm_layer(prefix: str, name: str, packed: bool) -> Origin:
    part = re.match(r"(self|cross)_attention\.to_([qkv])\.weight", name)
    if part and part[1] == "cross" and not packed:
        return Origin(f"{prefix}cross_attn.{part[2]}_proj_weight")
    if part:
        return third(f"{prefix}{part[1]}_attn.in_proj_weight", part[2])
    return Origin(prefix + swap(name, OPENLRM))


def _dino(name: str) -> str:
    return swap(re.sub(r"^layers\.", "encoder.layer.", name), DINO)


def _dinov2(name: str) -> Origin:
    name = "encoder.model." + name.replace("encoder.layer.", "blocks.")
    if part := re.match(r"(.+)\.attention\.([qkv])_proj\.(weight|bias)", name):
        return third(f"{part[1]}.attn.qkv.{part[3]}", part[2])
    return Origin(swap(name, DINOV2))


def _as_planes(shape: Shape) -> Shape:
    side = math.isqrt(shape[0] // 3)
    return 3, shape[1], side, side

# SPDX-License-Identifier: GPL-3.0-or-later
"""Where TripoSG's files keep the tensors of our networks, by the networks' own names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..formats.names import Origin, swap

DINOV2 = {  # transformers of today -> those of 2023
    "attention.q_proj": "attention.attention.query",
    "attention.k_proj": "attention.attention.key",
    "attention.v_proj": "attention.attention.value",
    "attention.o_proj": "attention.output.dense",
}
LAYERS = {"to_out": "to_out.0", "ff.first": "ff.net.0.proj", "ff.second": "ff.net.2"}
SHARED = ("quant.", "post_quant.")  # beside encoder and decoder in the VAE's file


def image_encoder_origins(names: Iterable[str]) -> dict[str, Origin]:
    """Origins of DINOv2's tensors."""
    return {name: Origin(swap(name, DINOV2)) for name in names}


def flow_origins(names: Iterable[str]) -> dict[str, Origin]:
    """Origins of the flow transformer's tensors."""
    return {name: Origin(swap(name, LAYERS)) for name in names}


def decoder_origins(names: Iterable[str], depth: int) -> dict[str, Origin]:
    """Origins of the shape decoder's tensors; the block of the queries is the last of depth + 1."""
    return {name: Origin(_in("decoder", name.replace("query_block.", f"blocks.{depth}."))) for name in names}


def encoder_origins(names: Iterable[str]) -> dict[str, Origin]:
    """Origins of the shape encoder's tensors; the block of the queries is the first."""
    return {name: Origin(_in("encoder", _count_up(name))) for name in names}


def _in(part: str, name: str) -> str:
    published = swap(name, LAYERS)
    return published if published.startswith(SHARED) else f"{part}.{published}"


def _count_up(name: str) -> str:
    name = re.sub(r"^blocks\.(\d+)", lambda block: f"blocks.{int(block[1]) + 1}", name)
    return name.replace("cross_block.", "blocks.0.")

# SPDX-License-Identifier: GPL-3.0-or-later
# transformers annotates its models loosely.
# pyright: reportArgumentType=false
"""Loads TripoSG from its published folder: DINOv2, the flow transformer, and the decoder of its autoencoder.

Networks are built without memory; names and shapes are compared before numbers are read, one tensor at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ...interface import catalog
from ...interface.catalog import WeightsError
from ...interface.errors import one_line
from ...reconstruction.triposg.layers import Attention
from ...reconstruction.triposg.model import TripoSG
from ...reconstruction.triposg.transformer import FlowSizes, FlowTransformer
from ...reconstruction.triposg.vae import ShapeDecoder, VAESizes
from ...runtime.devices import choose_dtype
from ..formats.checkpoint import StoredTensor
from ..formats.compare import find_differences, refuse_differences, wanted_shapes
from ..formats.fill import fill
from ..formats.names import Origin
from ..formats.transformers_folder import ELSEWHERE, read_config, read_folder
from ..store import store
from .triposg_names import decoder_origins, flow_origins, image_encoder_origins

REMEDY = "Choose the folder of VAST-AI/TripoSG, or download its set of weights."
IMAGE_ENCODER, FLOW, VAE = "image_encoder_dinov2", "transformer", "vae"  # folders
STEMS = {IMAGE_ENCODER: "model", FLOW: "diffusion_pytorch_model", VAE: "diffusion_pytorch_model"}
UNUSED = ("encoder.", "quant.")  # of the VAE's file: what turns shapes into latents
SIZES = {  # ours of the configs' fields
    "in_channels": "latent",
    "latent_channels": "latent",
    "width": "width",
    "width_decoder": "width",
    "num_layers": "depth",
    "num_layers_decoder": "depth",
    "num_attention_heads": "heads",
    "cross_attention_dim": "context",
}
LARGEST = {"depth": 256, "width": 16_384}
Report = Callable[[int, int], None]  # numbers read, of so many


@dataclass
class Part:
    """One empty network, and what is stored for it in its folder."""

    folder: Path
    network: nn.Module
    origins: dict[str, Origin]
    stored: dict[str, StoredTensor]


def load_triposg(
    folder: Path, device: torch.device, exact: bool = False, report: Report = lambda done, total: None
) -> TripoSG:
    """The networks on a device. The two large ones are stored in 16 bits, and computed in float32 where a processor has
    no bfloat16; exact: all in float32. Raises WeightsError."""
    dtype = torch.float32 if exact else choose_dtype(device, allow_bfloat16=True)
    half = torch.float32 if exact else torch.float16
    stored = {IMAGE_ENCODER: torch.float32, FLOW: torch.bfloat16 if dtype == torch.bfloat16 else half, VAE: half}
    parts = open_triposg(folder)
    done, total = 0, sum(t.numel() for part in parts.values() for t in part.network.state_dict().values())

    def add(numbers: int) -> None:
        nonlocal done
        done += numbers
        report(done, total)

    for name, part in parts.items():
        fill(part.network, part.stored, part.folder, REMEDY, stored[name], part.origins, add)
        order_heads(part.network)
        part.network.eval().requires_grad_(False)
    encoder, flow, decoder = (part.network for part in parts.values())
    return TripoSG(encoder, flow, decoder, device, dtype)


def check_triposg(folder: Path) -> None:
    """Compare names and shapes without reading numbers. Raises WeightsError."""
    open_triposg(folder)


def find_triposg(weights: str) -> Path:
    """The folder of a set. Raises WeightsError."""
    known = [w.id for w in catalog.WEIGHTS if w.part == "triposg"]
    folder = store.find(weights, known, REMEDY)
    for part in STEMS:
        if not (folder / part / "config.json").is_file():
            raise WeightsError(f"{folder} holds no whole TripoSG: there is no {part}/config.json in it.", REMEDY)
    return folder


def open_triposg(folder: Path) -> dict[str, Part]:
    """The three parts, empty, after a comparison of all names and shapes. Raises WeightsError."""
    return {
        name: _open_part(folder / name, network, origins) for name, (network, origins) in empty_networks(folder).items()
    }


def empty_networks(folder: Path) -> dict[str, tuple[nn.Module, dict[str, Origin]]]:
    """The networks on the "meta" device by their configs, and where their tensors come from. Raises WeightsError."""
    configs = {name: read_config(folder / name / "config.json", REMEDY) for name in STEMS}
    try:
        flow = FlowSizes(**dict(_read_sizes(configs[FLOW], FlowSizes)))
        vae = VAESizes(**dict(_read_sizes(configs[VAE], VAESizes)))
        with torch.device("meta"):
            encoder = empty_image_encoder(configs[IMAGE_ENCODER])
            transformer, decoder = FlowTransformer(flow), ShapeDecoder(vae)
    except Exception as error:  # transformers raises many kinds for invalid configs
        raise WeightsError(f"{folder} describes no TripoSG: {one_line(error)}.", REMEDY) from error
    width = encoder.config.hidden_size  # pyright: ignore[reportAttributeAccessIssue]
    if (width, flow.latent) != (flow.context, vae.latent):
        raise WeightsError(f"{folder} does not fit together: its parts have other sizes.", REMEDY)
    return {
        IMAGE_ENCODER: (encoder, image_encoder_origins(encoder.state_dict())),
        FLOW: (transformer, flow_origins(transformer.state_dict())),
        VAE: (decoder, decoder_origins(decoder.state_dict(), vae.depth)),
    }


def empty_image_encoder(config: dict[str, Any]) -> nn.Module:
    """DINOv2 by its config; the exceptions of transformers, and ValueError."""
    from transformers import Dinov2Config, Dinov2Model

    if any(config.get(name) for name in ELSEWHERE):
        raise ValueError(f"{IMAGE_ENCODER} names a part of its network that lies elsewhere")
    if not 0 < int(config.get("num_hidden_layers", 12)) <= LARGEST["depth"]:
        raise ValueError(f"{config['num_hidden_layers']} layers")
    return Dinov2Model(Dinov2Config(**config))


@torch.no_grad()
def order_heads(network: nn.Module) -> None:
    """Give each head rows of its own in the weights of queries, keys and values. In place, once.

    As published, the outputs of the three (of keys and values, in attention to others) stand in one row that is divided
    among the heads, so that a head's queries, keys and values come from neighbouring rows of the three joined.
    """
    for name, layer in network.named_modules():
        if isinstance(layer, Attention):
            parts = [layer.to_k, layer.to_v] if name.endswith("attn2") else [layer.to_q, layer.to_k, layer.to_v]
            rows = torch.cat([part.weight for part in parts]).unflatten(0, (layer.heads, len(parts), -1))
            for i, part in enumerate(parts):
                part.weight.copy_(rows[:, i].flatten(0, 1))


def _read_sizes(config: Mapping[str, Any], kind: type[Any]) -> Iterator[tuple[str, int]]:
    known = {field.name for field in fields(kind)}
    for theirs, ours in SIZES.items():
        if theirs in config and ours in known and not (kind is VAESizes and theirs == "in_channels"):
            value = config[theirs]
            if type(value) is not int or not 0 < value <= LARGEST.get(ours, LARGEST["width"]):
                raise ValueError(f"{theirs} is {str(value)[:40]}")
            yield ours, value


def _open_part(folder: Path, network: nn.Module, origins: dict[str, Origin]) -> Part:
    stored = read_folder(folder, STEMS[folder.name], False, REMEDY)
    is_unused = (lambda name: name.startswith(UNUSED)) if folder.name == VAE else (lambda name: False)
    differences = find_differences(stored, wanted_shapes(network, origins), is_unused)
    refuse_differences(differences, f"{folder} does not fit TripoSG", REMEDY)
    return Part(folder, network, origins, stored)

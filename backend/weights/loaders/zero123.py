# SPDX-License-Identifier: GPL-3.0-or-later
# accelerate and transformers annotate their models loosely.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportOperatorIssue=false
"""Loads Zero123 in every published form, and converts it to files that load quickly.

Sizes are inferred from the tensors. Numbers are read one tensor at a time, and only those that a network uses: original
checkpoints also hold an average of the weights and the state of the training.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from ...diffusion.zero123 import LINEARS, NOTE, Kind, Zero123
from ...interface.catalog import WeightsError
from ...interface.errors import one_line
from ...runtime.memory import free_bytes
from ...runtime.offload import choose_placement, keep_half
from ...runtime.winograd import use_winograd
from ..formats.compare import LONGEST_NAME, find_differences, refuse_differences, wanted_shapes
from ..formats.empty import empty_weights
from ..formats.fill import fill
from ..formats.names import Origin, Shape
from ..formats.probe import Probe
from ..store.store import reading_weights
from .zero123_layout import NOT_IN_TENSORS, REMEDY, StoredZero123, open_zero123
from .zero123_names import OWN, UNET, UNUSED, unet_origins

HEADS, HEAD_WIDTH, LATENT_SIDE = 8, 64, 32  # the UNet's at every level; CLIP's; 256 pixels


@reading_weights()
def check_zero123(path: Path, kind: Kind | None = None) -> None:
    """Compare names and shapes with those of the networks, without reading numbers. Raises WeightsError."""
    source = open_zero123(path, kind)
    check(source, empty_parts(source))


@reading_weights()
def load_zero123(path: Path, device: torch.device, dtype: torch.dtype, kind: Kind | None = None) -> Zero123:
    """Zero123 on a device, from an original checkpoint or a folder; see `open_zero123`. Raises WeightsError."""
    source = open_zero123(path, kind, half=dtype != torch.float32)
    parts = empty_parts(source)
    check(source, parts)
    scarce = device.type == "cpu" and dtype == torch.float32 and is_scarce(parts)
    for name, part in parts.items():
        fill(part, source.tensors, source.path, REMEDY, dtype, source.origins(name, part.state_dict()))
        if scarce and name in ("unet", "vae"):
            keep_half(part)
    model = Zero123(**parts, prediction_type=source.prediction_type, kind=source.kind)
    for part in (model.unet, model.vae):
        part.to(memory_format=torch.channels_last)  # a fifth faster on CPUs, more on graphics cards
        if device.type == "cpu":
            use_winograd(part)
    model.eval().requires_grad_(False)
    return model if device.type == "cpu" else model.settle(device, free_bytes(device))


def convert(checkpoint: Path, folder: Path, progress: Callable[[str, int, int], None]) -> tuple[int, int]:
    """Write a published Zero123 as float16 safetensors in a diffusers layout; returns the bytes before and after.

    progress: (stage, bytes so far, total bytes). Raises WeightsError, OSError.
    """
    source = open_zero123(checkpoint)
    parts = empty_parts(source)
    check(source, parts)
    total = sum(2 * p.numel() for part in parts.values() for p in part.parameters())
    done = 0

    def count(numbers: int) -> None:
        nonlocal done
        done += 2 * numbers
        progress(f"Converting {name}", done, total)

    for name, part in parts.items():
        origins = source.origins(name, part.state_dict())
        fill(part, source.tensors, source.path, REMEDY, torch.float16, origins, count)
        write_part(folder / name, part, part.state_dict())
        part.to("meta")
    (folder / NOTE).write_text(json.dumps({"kind": source.kind}), "utf-8")
    return _size(source.path), _size(folder)


def write_part(folder: Path, part: nn.Module, state: dict[str, Tensor]) -> None:
    """Write a network's weights and config for diffusers and transformers."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(part, nn.Linear):
        prefix = LINEARS[folder.name]
        state = {f"{prefix}.{key}": tensor for key, tensor in state.items()}
    elif isinstance(part, CLIPVisionModelWithProjection):
        part.config.to_json_file(folder / "config.json")
        return save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    else:
        part.save_config(folder)
    save_file(state, folder / "diffusion_pytorch_model.safetensors", metadata={"format": "pt"})
    return None


def empty_parts(source: StoredZero123) -> dict[str, nn.Module]:
    """The networks on the "meta" device, in the sizes of the stored tensors. Raises WeightsError."""
    try:
        configs = {"unet": unet_config(source), "vae": vae_config(source), "image_encoder": clip_config(source)}
    except KeyError as error:
        others = sorted(name for name in source.tensors if not OWN.match(name))
        differences = [f"{error.args[0]} is missing", *(f"{name[:LONGEST_NAME]} is unknown" for name in others)]
        refuse_differences(differences, f"{source.path} is no Zero123", REMEDY)
        raise
    for part, config in configs.items():
        own = source.configs.get(part, {})
        config |= {key: own[key] for key in NOT_IN_TENSORS[part] if isinstance(own.get(key), (int, float, str))}
    scale = configs["vae"]["scaling_factor"]
    if isinstance(scale, str) or not 0 < scale < math.inf:
        raise WeightsError(f"{source.path} has a vae whose scaling_factor is {scale}.", REMEDY)
    try:
        with empty_weights(*configs.values()):
            parts: dict[str, nn.Module] = {
                "unet": UNet2DConditionModel(**configs["unet"]),
                "vae": AutoencoderKL(**configs["vae"]),
                "image_encoder": CLIPVisionModelWithProjection(CLIPVisionConfig(**configs["image_encoder"])),
            }
            embedding = configs["image_encoder"]["projection_dim"]
            context = configs["unet"]["cross_attention_dim"]
            parts["clip_camera_projection"] = nn.Linear(embedding + 4, context)
        check_heads(configs["unet"])
    except Exception as error:  # diffusers and transformers raise many kinds for invalid configs
        raise WeightsError(f"{source.path} has sizes that no Zero123 has: {one_line(error)}.", REMEDY) from error
    return parts


def check_heads(unet: dict[str, Any]) -> None:
    """ValueError unless the attention's heads divide the width of every level, which only a forward would tell."""
    heads, widths = unet["attention_head_dim"], unet["block_out_channels"]
    if any(width % heads for width in widths):
        raise ValueError(f"{heads} heads of the unet do not divide {', '.join(map(str, widths))} channels")


def unet_config(source: StoredZero123) -> dict[str, Any]:
    """Arguments of UNet2DConditionModel."""
    sizes = probe(source, "unet")
    widths = sizes.count("down_blocks.{}.resnets.0.conv1.weight")
    attends = [sizes.has(f"down_blocks.{i}.attentions.0.proj_in.weight") for i in range(len(widths))]
    latent = sizes.shape("conv_out.weight")[0]
    side = source.configs.get("unet", {}).get("sample_size") if source.kind == "starter" else LATENT_SIDE
    return {
        "sample_size": side if isinstance(side, int) else LATENT_SIDE,
        "in_channels": 2 * latent,
        "out_channels": latent,
        "block_out_channels": tuple(widths),
        "layers_per_block": len(sizes.count("down_blocks.0.resnets.{}.conv1.weight")),
        "down_block_types": tuple("CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attends),
        "up_block_types": tuple("CrossAttnUpBlock2D" if a else "UpBlock2D" for a in attends[::-1]),
        "cross_attention_dim": sizes.shape("down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight")[1],
        "attention_head_dim": HEADS,
        "use_linear_projection": len(sizes.shape("down_blocks.0.attentions.0.proj_in.weight")) == 2,
    }


def vae_config(source: StoredZero123) -> dict[str, Any]:
    """Arguments of AutoencoderKL."""
    sizes = probe(source, "vae")
    widths = sizes.count("encoder.down_blocks.{}.resnets.0.conv1.weight")
    return {
        "block_out_channels": tuple(widths),
        "layers_per_block": len(sizes.count("encoder.down_blocks.0.resnets.{}.conv1.weight")),
        "down_block_types": ("DownEncoderBlock2D",) * len(widths),
        "up_block_types": ("UpDecoderBlock2D",) * len(widths),
        "latent_channels": sizes.shape("post_quant_conv.weight")[0],
        "sample_size": 256,
        "scaling_factor": 0.18215,
    }


def clip_config(source: StoredZero123) -> dict[str, Any]:
    """Arguments of CLIPVisionConfig."""
    sizes = probe(source, "image_encoder")
    patches = sizes.shape("vision_model.embeddings.patch_embedding.weight")
    positions, width = sizes.shape("vision_model.embeddings.position_embedding.weight")
    feed_forward = [
        sizes.shape(f"vision_model.encoder.layers.{i}.mlp.fc1.weight")[0]
        for i in range(len(sizes.count("vision_model.encoder.layers.{}.layer_norm1.weight")))
    ]
    name = "visual_projection.weight"
    projection = sizes.origin(name).shape(sizes.shape(name))  # at most transposed, which undoes itself
    return {
        "hidden_size": width,
        "intermediate_size": feed_forward[0],
        "num_hidden_layers": len(feed_forward),
        "num_attention_heads": max(1, width // HEAD_WIDTH),
        "image_size": round((positions - 1) ** 0.5) * patches[-1],
        "patch_size": patches[-1],
        "projection_dim": projection[0],
        "hidden_act": "quick_gelu",
    }


def probe(source: StoredZero123, part: str) -> Probe:
    """Sizes by the names of diffusers and transformers."""

    def origin(name: str) -> Origin:
        names = (
            [name, "encoder.down_blocks.0"] if part == "vae" else [name]
        )  # any number of blocks does for the encoder
        return source.origins(part, names)[name]

    return Probe(source.tensors, origin)


def check(source: StoredZero123, parts: dict[str, nn.Module]) -> None:
    """WeightsError with the first differences between the file's tensors and those that the networks need."""
    wanted: dict[str, Shape] = {}
    for name, part in parts.items():
        wanted |= wanted_shapes(part, source.origins(name, part.state_dict()))
    if any(name.startswith(UNET) for name in source.tensors):  # checked as well, although the average is read
        wanted |= wanted_shapes(parts["unet"], unet_origins(parts["unet"].state_dict()))
    differences = find_differences(source.tensors, wanted, UNUSED.fullmatch)
    refuse_differences(differences, f"{source.path} does not fit Zero123", REMEDY)


def is_scarce(parts: dict[str, nn.Module]) -> bool:
    """Whether the free main memory is too small for the networks in float32."""
    return choose_placement(parts, free_bytes(torch.device("cpu"))) != "resident"


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else sum(f.stat().st_size for f in path.rglob("*") if f.is_file())

# SPDX-License-Identifier: GPL-3.0-or-later
# accelerate and transformers annotate their models loosely.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportOperatorIssue=false
"""Loads Zero123 in every published form, and converts it once into what loads quickly.

All sizes are inferred from the tensors; a tensor is read when its network takes it, so that of a checkpoint with an
average and a training state only what is used comes into memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from ...diffusion.zero123 import LINEARS, NOTE, Kind, Zero123
from ...interface.catalog import WeightsError
from ...runtime.memory import free_bytes
from ...runtime.offload import choose_placement, keep_half
from ...runtime.winograd import use_winograd
from .zero123_layout import NOT_IN_TENSORS, REMEDY, Source, open_source
from .zero123_names import CLIP, OWN, UNET, UNUSED, Origin, unet_origins

IGNORED = ("position_ids",)  # buffers that old versions of transformers wrote
HEADS, HEAD_WIDTH, LATENT_SIDE = 8, 64, 32  # the UNet's at every level; CLIP's; 256 pixels
NAMED = 3  # differences told


def check_zero123(path: Path, kind: Kind | None = None) -> None:
    """Compare names and shapes with what the networks need, without reading a number. Raises WeightsError."""
    source = open_source(path, kind)
    check(source, empty_parts(source))


def load_zero123(path: Path, device: torch.device, dtype: torch.dtype, kind: Kind | None = None) -> Zero123:
    """Zero123 on a device, from an original checkpoint or a folder; see `open_source`. Raises WeightsError."""
    source = open_source(path, kind, half=dtype != torch.float32)
    parts = empty_parts(source)
    check(source, parts)
    scarce = device.type == "cpu" and dtype == torch.float32 and is_scarce(parts)
    for name, part in parts.items():
        fill(source, name, part, dtype)
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

    progress: what is written, bytes so far, bytes in all. Raises WeightsError, OSError.
    """
    source = open_source(checkpoint)
    parts = empty_parts(source)
    check(source, parts)
    total = sum(2 * p.numel() for part in parts.values() for p in part.parameters())
    done = 0
    for name, part in parts.items():
        state: dict[str, Tensor] = {}
        for key, tensor in tensors(source, name, part, torch.float16):
            state[key] = tensor.contiguous()
            done += 2 * tensor.numel()
            progress(f"Converting {name}", done, total)
        write_part(folder / name, part, state)
    (folder / NOTE).write_text(json.dumps({"kind": source.kind}), "utf-8")
    return _size(source.path), _size(folder)


def write_part(folder: Path, part: nn.Module, state: dict[str, Tensor]) -> None:
    """Weights and config of one network, as diffusers and transformers read them."""
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


def empty_parts(source: Source) -> dict[str, nn.Module]:
    """The networks without memory for their weights, in the sizes that the tensors have. Raises WeightsError."""
    configs = {"unet": unet_config(source), "vae": vae_config(source), "image_encoder": clip_config(source)}
    for part, config in configs.items():
        own = source.configs.get(part, {})
        config |= {key: own[key] for key in NOT_IN_TENSORS[part] if isinstance(own.get(key), (int, float, str))}
    try:
        with init_empty_weights(include_buffers=False):
            parts: dict[str, nn.Module] = {
                "unet": UNet2DConditionModel(**configs["unet"]),
                "vae": AutoencoderKL(**configs["vae"]),
                "image_encoder": CLIPVisionModelWithProjection(CLIPVisionConfig(**configs["image_encoder"])),
            }
            embedding = configs["image_encoder"]["projection_dim"]
            context = configs["unet"]["cross_attention_dim"]
            parts["clip_camera_projection"] = nn.Linear(embedding + 4, context)
    except (ValueError, TypeError, ZeroDivisionError, RuntimeError) as error:
        raise WeightsError(f"{source.path} has sizes that no Zero123 has: {error}", REMEDY) from error
    return parts


def unet_config(source: Source) -> dict[str, Any]:
    """Arguments of UNet2DConditionModel."""
    probe = Probe(source, "unet")
    widths = probe.count("down_blocks.{}.resnets.0.conv1.weight")
    attends = [probe.has(f"down_blocks.{i}.attentions.0.proj_in.weight") for i in range(len(widths))]
    latent = probe.shape("conv_out.weight")[0]
    side = source.configs.get("unet", {}).get("sample_size") if source.kind == "starter" else LATENT_SIDE
    return {
        "sample_size": side if isinstance(side, int) else LATENT_SIDE,
        "in_channels": 2 * latent,
        "out_channels": latent,
        "block_out_channels": tuple(widths),
        "layers_per_block": len(probe.count("down_blocks.0.resnets.{}.conv1.weight")),
        "down_block_types": tuple("CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attends),
        "up_block_types": tuple("CrossAttnUpBlock2D" if a else "UpBlock2D" for a in attends[::-1]),
        "cross_attention_dim": probe.shape("down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight")[1],
        "attention_head_dim": HEADS,
        "use_linear_projection": len(probe.shape("down_blocks.0.attentions.0.proj_in.weight")) == 2,
    }


def vae_config(source: Source) -> dict[str, Any]:
    """Arguments of AutoencoderKL."""
    probe = Probe(source, "vae")
    widths = probe.count("encoder.down_blocks.{}.resnets.0.conv1.weight")
    return {
        "block_out_channels": tuple(widths),
        "layers_per_block": len(probe.count("encoder.down_blocks.0.resnets.{}.conv1.weight")),
        "down_block_types": ("DownEncoderBlock2D",) * len(widths),
        "up_block_types": ("UpDecoderBlock2D",) * len(widths),
        "latent_channels": probe.shape("post_quant_conv.weight")[0],
        "sample_size": 256,
        "scaling_factor": 0.18215,
    }


def clip_config(source: Source) -> dict[str, Any]:
    """Arguments of CLIPVisionConfig."""
    probe = Probe(source, "image_encoder")
    patches = probe.shape("vision_model.embeddings.patch_embedding.weight")
    positions, width = probe.shape("vision_model.embeddings.position_embedding.weight")
    feed_forward = [
        probe.shape(f"vision_model.encoder.layers.{i}.mlp.fc1.weight")[0]
        for i in range(len(probe.count("vision_model.encoder.layers.{}.layer_norm1.weight")))
    ]
    return {
        "hidden_size": width,
        "intermediate_size": feed_forward[0],
        "num_hidden_layers": len(feed_forward),
        "num_attention_heads": max(1, width // HEAD_WIDTH),
        "image_size": round((positions - 1) ** 0.5) * patches[-1],
        "patch_size": patches[-1],
        "projection_dim": probe.shape("visual_projection.weight")[0],
        "hidden_act": "quick_gelu",
    }


class Probe:
    """Shapes of a part's tensors, asked for by their names in diffusers and transformers."""

    def __init__(self, source: Source, part: str) -> None:
        self.source, self.part = source, part

    def origin(self, name: str) -> Origin:
        if self.part == "vae":  # the names of the encoder do not depend on the number of blocks
            return self.source.origins(self.part, [name, "encoder.down_blocks.0"])[name]
        return self.source.origins(self.part, [name])[name]

    def has(self, name: str) -> bool:
        return self.origin(name).name in self.source.tensors

    def shape(self, name: str) -> tuple[int, ...]:
        """As it is in diffusers; WeightsError if there is no such tensor."""
        origin = self.origin(name)
        if origin.name not in self.source.tensors:
            others = sorted(name for name in self.source.tensors if not OWN.match(name))
            told = [f"{origin.name} is missing", *(f"{name[:200]} is unknown" for name in others)]
            raise WeightsError(f"{self.source.path} is no Zero123: {'; '.join(told[:NAMED])}.", REMEDY)
        shape = self.source.tensors[origin.name].shape
        return shape[::-1] if origin.name == CLIP + "proj" else shape

    def count(self, pattern: str) -> list[int]:
        """First sizes of the tensors whose numbered names follow each other; at least one must be there."""
        found = [self.shape(pattern.format(0))[0]]
        while self.has(pattern.format(len(found))):
            found.append(self.shape(pattern.format(len(found)))[0])
        return found


def check(source: Source, parts: dict[str, nn.Module]) -> None:
    """WeightsError with the first differences between the file's tensors and those that the networks need."""
    wanted: dict[str, tuple[int, ...]] = {}
    for name, part in parts.items():
        state = part.state_dict()
        for key, origin in source.origins(name, state).items():
            wanted[origin.name] = origin.shape(tuple(state[key].shape))
    if any(name.startswith(UNET) for name in source.tensors):  # beside the average: as published, though not read
        state = parts["unet"].state_dict()
        wanted |= {o.name: tuple(state[key].shape) for key, o in unet_origins(state).items()}
    told = []
    for name in sorted({*wanted, *source.tensors}):
        if name not in source.tensors:
            told.append(f"{name} is missing")
        elif name not in wanted:
            if not UNUSED.fullmatch(name) and not name.endswith(IGNORED):
                told.append(f"{name} is unknown")
        elif source.tensors[name].shape != wanted[name]:
            told.append(f"{name} is {list(source.tensors[name].shape)}, not {list(wanted[name])}")
    if told:
        more = f" and {len(told) - NAMED} more" if len(told) > NAMED else ""
        raise WeightsError(f"{source.path} does not fit Zero123: {'; '.join(told[:NAMED])}{more}.", REMEDY)


def tensors(source: Source, name: str, part: nn.Module, dtype: torch.dtype) -> Any:
    """(name, tensor) of a part's tensors, one in memory at a time. WeightsError if a number is none."""
    for key, origin in source.origins(name, part.state_dict()).items():
        tensor = origin.take(source.tensors[origin.name].read()).to(dtype, copy=True)
        if not tensor.isfinite().all():
            raise WeightsError(f"{source.path} is damaged: {origin.name} holds values that are not numbers.", REMEDY)
        yield key, tensor


def is_scarce(parts: dict[str, nn.Module]) -> bool:
    """Whether the main memory that is free is too little for the networks in float32."""
    return choose_placement(parts, free_bytes(torch.device("cpu"))) != "resident"


def fill(source: Source, name: str, part: nn.Module, dtype: torch.dtype) -> None:
    part.load_state_dict(dict(tensors(source, name, part, dtype)), assign=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else sum(f.stat().st_size for f in path.rglob("*") if f.is_file())

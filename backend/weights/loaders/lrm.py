# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads LRMs as they are published (TripoSR, OpenLRM 1.0 and 1.1), and the starter.

The model and its sizes are recognised from the tensors; the number of heads and the image size come from the config
beside them, or have the published values.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import torch
from safetensors.torch import save_file

from ...interface.catalog import WeightsError
from ...interface.errors import one_line
from ...interface.files import read_json
from ...reconstruction.lrm.image_tokens import Encoder
from ...reconstruction.lrm.model import LRM, Architecture
from ..formats.checkpoint import StoredTensor, read_file, tensors_in
from ..formats.compare import find_differences, refuse_differences, wanted_shapes
from ..formats.empty import few_parts
from ..formats.fill import fill
from ..formats.names import Origin
from ..formats.transformers_folder import read_config
from ..store.store import reading_weights
from .lrm_names import openlrm_origins, triposr_origins

Kind = Literal["triposr", "openlrm-1.1", "openlrm-1.0", "starter"]
REMEDY = "Choose the weights of TripoSR or OpenLRM, or set Weights to: starter."
FILES = ("lrm.safetensors", "model.safetensors", "model.ckpt", "pytorch_model.bin", "model.pth")
NOTE = "lrm.json"  # beside the weights: fields of Architecture and its Encoder, which override the recognised ones
SIGNS: dict[str, Kind] = {
    "local_features.stem.0.weight": "starter",
    "tokenizer.embeddings": "triposr",
    "upsampler.weight": "openlrm-1.1",
    "transformer.deconv.weight": "openlrm-1.0",
}
IMAGE_SIZES = {512: 224, 768: 336, 1024: 448}  # OpenLRM 1.1's, by the transformer's width
HEAD_WIDTH = 64
LARGEST = {
    "width": 8192,
    "depth": 128,
    "channels": 1024,
    "image_size": 4096,
    "decoder_layers": 128,
    "local_blocks": 128,
}
MOST = 1 << 16  # of any other size
MAY_BE_NONE = {"camera", "local", "local_last", "local_blocks", "slices", "slice_channels", "registers"}  # sizes


@dataclass
class StoredLRM:
    """An LRM as it is stored. tensors: by published name. origins: our names -> where each comes from."""

    path: Path
    kind: Kind
    tensors: dict[str, StoredTensor]
    architecture: Architecture
    origins: Callable[[Iterable[str]], dict[str, Origin]]


@reading_weights()
def load_lrm(path: Path, device: torch.device | str = "cpu") -> tuple[LRM, Kind]:
    """The network in float32 on a device, and its kind. WeightsError names missing and unknown tensors.

    path: a checkpoint, or a folder that holds one.
    """
    source = open_lrm(path)
    model = blank(source.architecture)
    check(source, model)
    fill(model, source.tensors, source.path, REMEDY, origins=source.origins(model.state_dict()))
    return model.eval().requires_grad_(False).to(device), source.kind


@reading_weights()
def check_lrm(path: Path) -> Kind:
    """Compare names and shapes without reading numbers. Raises WeightsError."""
    source = open_lrm(path)
    check(source, blank(source.architecture))
    return source.kind


def save_lrm(model: LRM, folder: Path) -> None:
    """Write the starter: float16 under our own names, the architecture beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: v.half().contiguous() for k, v in model.state_dict().items()}, folder / FILES[0])
    (folder / NOTE).write_text(json.dumps(asdict(model.architecture), indent=1) + "\n", "utf-8")


def blank(architecture: Architecture) -> LRM:
    """A network on the "meta" device, to be filled."""
    with few_parts(), torch.device("meta"):
        return LRM(architecture)


def check(source: StoredLRM, model: LRM) -> None:
    """WeightsError names the first tensors that are missing, unknown or of another shape."""
    wanted = wanted_shapes(model, source.origins(model.state_dict()))
    refuse_differences(find_differences(source.tensors, wanted), f"{source.path} does not fit {source.kind}", REMEDY)


def open_lrm(path: Path) -> StoredLRM:
    """Open a checkpoint without reading its numbers, and recognise it. Raises WeightsError."""
    if path.is_dir():
        found = [path / name for name in FILES if (path / name).is_file()]
        if not found:
            raise WeightsError(f"{path} holds no LRM: it needs one of {', '.join(FILES)}.", REMEDY)
        path = found[0]
    content = read_file(path)
    tensors = tensors_in(content, "state_dict", "weights")
    kind: Kind | None = next((kind for sign, kind in SIGNS.items() if sign in tensors), None)
    if kind is None:
        raise WeightsError(f"{path} is neither TripoSR nor OpenLRM.", REMEDY)
    try:
        architecture = describe(kind, tensors, content, path.parent)
        blank(replace(architecture, depth=min(architecture.depth, 1)))  # raises for sizes that do not fit together
    except (KeyError, IndexError, ValueError, TypeError, ZeroDivisionError, RuntimeError, AssertionError) as error:
        raise WeightsError(f"{path} has sizes that no {kind} has: {one_line(error)}.", REMEDY) from error
    packed = architecture.width == architecture.encoder.width

    def origins(names: Iterable[str]) -> dict[str, Origin]:
        if kind == "starter":
            return {name: Origin(name) for name in names}
        return triposr_origins(names) if kind == "triposr" else openlrm_origins(names, kind[-3:], packed)

    return StoredLRM(path, kind, tensors, architecture, origins)


def describe(kind: Kind, tensors: dict[str, StoredTensor], content: dict[Any, Any], folder: Path) -> Architecture:
    """The architecture from the tensors' shapes and the config beside them."""
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    if kind == "starter":
        found = Architecture()
    elif kind == "triposr":
        found = describe_triposr(shapes, read_yaml(folder / "config.yaml"))
    else:
        kwargs = content.get("kwargs") if kind == "openlrm-1.0" else {"model": read_json(folder / "config.json") or {}}
        found = describe_openlrm(shapes, kind[-3:], kwargs if isinstance(kwargs, dict) else {})
    note = read_config(folder / NOTE, REMEDY)
    if kind == "starter" and not note:
        raise ValueError(f"there is no {NOTE} beside it")
    found = override(found, note)
    check_fields(found)
    return found


def check_fields(config: Architecture | Encoder) -> None:
    """ValueError where a field of a config holds nothing that a network can have."""
    kinds = get_type_hints(type(config))
    for field in fields(config):
        value, kind = getattr(config, field.name), kinds[field.name]
        if isinstance(value, Encoder):
            check_fields(value)
            fits = True
        elif kind is int:
            fits = (
                type(value) is int
                and (field.name in MAY_BE_NONE or value > 0)
                and value <= LARGEST.get(field.name, MOST)
            )
        elif kind is float:
            fits = type(value) in (int, float) and math.isfinite(value) and (field.name == "bias" or value > 0)
        elif kind is bool:
            fits = type(value) is bool
        elif field.name == "planes":
            fits = len(value) == 3 and all(len(set(axes)) == 2 and set(axes) <= set("xyz") for axes in value)
        elif field.name == "local_widths":
            fits = all(type(width) is int and 0 < width <= MOST for width in value)
        else:
            fits = value in get_args(kind)
        if not fits:
            raise ValueError(f"{field.name} {value}")
    if config.width % config.heads:
        raise ValueError(f"{config.heads} heads in a width of {config.width}")


def describe_triposr(shapes: dict[str, tuple[int, ...]], config: dict[str, Any]) -> Architecture:
    _, width, plane_size, _ = shapes["tokenizer.embeddings"]
    layers = numbers(shapes, r"decoder\.layers\.(\d+)\.weight")
    return Architecture(
        encoder=replace(vit(shapes, "image_tokenizer.model."), pooler=True),
        image_size=int(config.get("cond_image_size", 512)),
        width=width,
        depth=1 + numbers(shapes, r"backbone\.transformer_blocks\.(\d+)\.")[-1],
        heads=int(config.get("backbone.num_attention_heads", max(1, width // HEAD_WIDTH))),
        plane_size=plane_size,
        channels=shapes["post_processor.upsample.weight"][1],
        radius=float(config.get("renderer.radius", 0.87)),
        decoder_width=shapes["decoder.layers.0.weight"][0],
        decoder_layers=len(layers),
        bias=float(config.get("renderer.density_bias", -1.0)),
    )


def describe_openlrm(shapes: dict[str, tuple[int, ...]], version: str, kwargs: dict[str, Any]) -> Architecture:
    old = version == "1.0"
    model, infer = (kwargs.get(key) if isinstance(kwargs.get(key), dict) else {} for key in ("model", "infer"))
    _, tokens, width = shapes["transformer.pos_embed" if old else "pos_embed"]
    encoder = vit(shapes, "encoder.model.") if old else dinov2(shapes)
    size = (infer or {}).get("source_size", 512) if old else IMAGE_SIZES.get(width, 448)
    return Architecture(
        encoder=encoder,
        image_size=int(size) // encoder.patch * encoder.patch,
        normalise=old,
        width=width,
        depth=1 + numbers(shapes, r"transformer\.layers\.(\d+)\.")[-1],
        heads=int((model or {}).get("transformer_heads", max(1, width // HEAD_WIDTH))),
        order="cross first",
        camera=shapes["camera_embedder.mlp.0.weight"][0],
        plane_size=math.isqrt(tokens // 3),
        channels=shapes["transformer.deconv.weight" if old else "upsampler.weight"][1],
        planes=("xy", "xz", "zy"),
        radius=1.0,
        decoder_width=shapes["synthesizer.decoder.net.0.weight"][0],
        decoder_layers=len(numbers(shapes, r"synthesizer\.decoder\.net\.(\d+)\.weight")),
        activation="relu",
        density="softplus",
        padded_colors=True,
    )


def vit(shapes: dict[str, tuple[int, ...]], prefix: str) -> Encoder:
    """DINO by its names in transformers of 2023."""
    width, _, patch, _ = shapes[prefix + "embeddings.patch_embeddings.projection.weight"]
    return Encoder(
        "dino",
        width,
        1 + numbers(shapes, re.escape(prefix) + r"encoder\.layer\.(\d+)\.")[-1],
        max(1, width // HEAD_WIDTH),
        shapes[prefix + "encoder.layer.0.intermediate.dense.weight"][0],
        patch,
        math.isqrt(shapes[prefix + "embeddings.position_embeddings"][1] - 1),
    )


def dinov2(shapes: dict[str, tuple[int, ...]]) -> Encoder:
    width, _, patch, _ = shapes["encoder.model.patch_embed.proj.weight"]
    return Encoder(
        "dinov2",
        width,
        1 + numbers(shapes, r"encoder\.model\.blocks\.(\d+)\.")[-1],
        max(1, width // HEAD_WIDTH),
        shapes["encoder.model.blocks.0.mlp.fc1.weight"][0],
        patch,
        math.isqrt(shapes["encoder.model.pos_embed"][1] - 1),
        shapes["encoder.model.register_tokens"][1],
        eps=1e-6,
    )


def numbers(shapes: Iterable[str], pattern: str) -> list[int]:
    """The numbers that the pattern's group matches in names, ascending."""
    return sorted({int(match[1]) for name in shapes if (match := re.match(pattern, name))})


def override(architecture: Architecture, note: dict[str, Any]) -> Architecture:
    """The architecture with the fields of a note, the encoder's under "encoder"."""
    inner = note.get("encoder")
    inner = inner if isinstance(inner, dict) else {}
    encoder = replace(architecture.encoder, **{f.name: inner[f.name] for f in fields(Encoder) if f.name in inner})
    known = {f.name: note[f.name] for f in fields(Architecture) if f.name in note and f.name != "encoder"}
    known |= {name: tuple(known[name]) for name in ("planes", "local_widths") if name in known}
    return replace(architecture, encoder=encoder, **known)


def read_yaml(file: Path) -> dict[str, str]:
    """Plain values of TripoSR's two levels: {"outer.inner": text}."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return {}
    found, outer = {}, ""
    for line in lines:
        if match := re.match(r"(\s*)(\w+):\s*([^#]*)", line):
            if not match[1]:
                outer = match[2]
            found[f"{outer}.{match[2]}" if match[1] else outer] = match[3].strip()
    return found

# SPDX-License-Identifier: GPL-3.0-or-later
"""Recognises which Zero123 a file or folder holds, and where its tensors are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from diffusers import DDIMScheduler

from ...diffusion.zero123 import LINEARS, NOTE, PARTS, Kind
from ...interface import catalog
from ...interface.catalog import WeightsError
from ...interface.files import read_json
from ..formats.checkpoint import StoredTensor, read_file, tensors_in
from ..formats.names import Origin, swap
from ..formats.transformers_folder import read_config, require_config
from . import zero123_names as published
from .noise_schedule import NAME, PART, read_schedule

REMEDY = "Choose the weights of Zero123, or set Weights to: starter."
TRAINING = {"callbacks", "epoch", "global_step", "loops", "lr_schedulers", "optimizer_states"}
SCHEDULE = "num_train_timesteps", "beta_start", "beta_end", "beta_schedule"  # what the starter's config has to name
FOLDERS = {"clip_camera_projection": ("clip_camera_projection", "cc_projection")}  # by part, where names differ
STEMS = {"image_encoder": ("model", "pytorch_model")}
NOT_IN_TENSORS = {
    "unet": ("attention_head_dim", "norm_num_groups"),
    "vae": ("norm_num_groups", "scaling_factor"),
    "image_encoder": ("num_attention_heads", "hidden_act"),
}


@dataclass
class StoredZero123:
    """A Zero123 as it is stored.

    tensors: by published name. origins: (part, its tensors' names in diffusers) -> where each comes from. configs: each
    part's own config.
    """

    path: Path
    kind: Kind
    tensors: dict[str, StoredTensor]
    origins: Callable[[str, Iterable[str]], dict[str, Origin]]
    configs: dict[str, dict[str, Any]]
    prediction_type: str = "epsilon"


def open_zero123(path: Path, kind: Kind | None = None, half: bool = False) -> StoredZero123:
    """path: an original checkpoint, a folder that holds one, or a folder in a diffusers layout.

    kind: if the catalog knows it; None: it is recognised. half: prefer files in half precision.
    Raises WeightsError.
    """
    if path.is_dir() and not (path / "unet").is_dir():
        files = [f for f in sorted(path.iterdir()) if f.suffix in (".ckpt", ".safetensors") and f.is_file()]
        if len(files) != 1:
            raise WeightsError(f"{path} holds no Zero123: it needs the folder unet, or one .ckpt file.", REMEDY)
        path = files[0]
    return _open_folder(path, kind, half) if path.is_dir() else _open_checkpoint(path, kind)


def _open_checkpoint(path: Path, kind: Kind | None) -> StoredZero123:
    content = read_file(path)
    tensors = tensors_in(content, "state_dict")
    if not tensors:
        raise WeightsError(f"{path} holds no tensors.", REMEDY)
    averaged = any(name.startswith(published.EMA + "diffusion_model") for name in tensors)
    kind = kind or _recognise_checkpoint(path, content)

    def origins(part: str, names: Iterable[str]) -> dict[str, Origin]:
        if part == "unet":
            found = published.unet_origins(names)
            return {n: o._replace(name=published.ema_name(o.name)) for n, o in found.items()} if averaged else found
        if part == "vae":
            names = list(names)
            return published.vae_origins(names, 1 + max(int(n.split(".")[2]) for n in names if "down_blocks" in n))
        if part == "image_encoder":
            return published.clip_origins(names)
        return {name: Origin(published.PROJECTION + name) for name in names}

    return StoredZero123(path, kind, tensors, origins, {})


def _recognise_checkpoint(path: Path, content: dict[Any, Any]) -> Kind:
    """By a note or the published size, else by the training's state, which only Zero123's files hold beside tensors."""
    if noted := find_note(path.parent):
        return noted
    sizes = {f.size: w.id for w in catalog.WEIGHTS for f in w.files if f.size and "zero123" in w.id}
    known = sizes.get(path.stat().st_size)
    if known:
        return "stable-zero123" if known.startswith("stable") else "zero123"
    return "zero123" if TRAINING & {str(key) for key in content} else "stable-zero123"


def _open_folder(folder: Path, kind: Kind | None, half: bool) -> StoredZero123:
    tensors: dict[str, StoredTensor] = {}
    for part in (*PARTS, *LINEARS):
        if file := _part_file(folder, part, half):
            for name, stored in read_file(file).items():
                tensors[f"{part}/{_modern(part, str(name))}"] = stored
        else:
            raise WeightsError(f"{folder} holds no Zero123: there are no weights in its folder {part}.", REMEDY)
    configs = {part: require_config(folder, part, REMEDY) for part in PARTS}
    kind = kind or _recognise_folder(folder, configs)

    def origins(part: str, names: Iterable[str]) -> dict[str, Origin]:
        return {name: Origin(f"{part}/{name}") for name in names}

    source = StoredZero123(folder, kind, tensors, origins, configs)
    said = read_config(folder / PART / NAME, REMEDY).get("prediction_type", source.prediction_type)
    if kind != "starter" and said != source.prediction_type:
        raise WeightsError(
            f"{folder} is no Zero123: its scheduler predicts {said}, not {source.prediction_type}.", REMEDY
        )
    if kind == "starter":
        source.prediction_type = "v_prediction"
        read_schedule(folder, DDIMScheduler, ("prediction_type", *SCHEDULE), (source.prediction_type,), REMEDY)
    return source


def _recognise_folder(folder: Path, configs: dict[str, dict[str, Any]]) -> Kind:
    if noted := find_note(folder):
        return noted
    texts = [str(read_json(folder / "model_index.json")), *(str(c.get("_name_or_path")) for c in configs.values())]
    if any("stable-zero123" in text.lower().replace("_", "-") for text in texts):
        return "stable-zero123"
    return "zero123"


def find_note(folder: Path) -> Kind | None:
    """The kind in a folder's note, None without a note."""
    kind = (read_json(folder / NOTE) or {}).get("kind")
    return kind if kind in get_args(Kind) else None


def _part_file(folder: Path, part: str, half: bool) -> Path | None:
    """A part's file: averaged weights first, then by precision, safetensors before pickles."""
    variants = ("fp16_ema", "ema", *(("fp16", "") if half else ("", "fp16")))
    for place in FOLDERS.get(part, (part,)):
        for variant in variants:
            for stem in STEMS.get(part, ("diffusion_pytorch_model",)):
                for ending in ("safetensors", "bin"):
                    file = folder / place / ".".join(filter(None, (stem, variant, ending)))
                    if file.is_file():
                        return file
    return None


def _modern(part: str, name: str) -> str:
    """A tensor's name in today's diffusers and transformers; a linear layer's without its wrapper's name."""
    if part in LINEARS:
        return name.rsplit(".", 1)[-1]
    if part == "vae" and "attentions" in name:
        return swap(name, published.DEPRECATED)
    return name

# SPDX-License-Identifier: GPL-3.0-or-later
# transformers annotates its models loosely.
# pyright: reportAttributeAccessIssue=false
"""Reads folders in the layout of diffusers and transformers: a config.json beside safetensors files.

Runs no code of a folder, and looks for nothing on a network.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers.utils import logging

from ...interface.catalog import WeightsError
from ...interface.errors import one_line
from ...interface.files import read_json
from .checkpoint import StoredTensor, read_file, tensors_in
from .compare import COUNTER, OLD_BUFFER, is_real, quantised, refuse_differences
from .empty import few_parts
from .stand_ins import stand_in

INDEX = "relative_position_index"  # a table of whole numbers in BEiT's and Swin's files
MOST_LAYERS = 1000  # of one kind in a network; more would be built for minutes
ELSEWHERE = ("use_pretrained_backbone", "auto_map")  # would look for a part of the network, or for code, elsewhere


def read_config(file: Path, remedy: str) -> dict[str, Any]:
    """The object in a JSON file, {} if there is no file. WeightsError if it is broken."""
    config = read_json(file)
    if config is None and file.exists():
        reason = stand_in(file) or "it is damaged, or describes no network"
        raise WeightsError(f"{file} cannot be read: {reason}.", remedy)
    for name, value in (config or {}).items():
        count = len(value) if isinstance(value, list) and "block" in name else value if "layers" in name else 0
        if isinstance(count, (int, float)) and count > MOST_LAYERS:
            raise WeightsError(f"{file} has a size that no network has: {name} is {count}.", remedy)
    return config or {}


def require_config(folder: Path, part: str, remedy: str, name: str = "config.json") -> dict[str, Any]:
    """The config of one part of a model, whose settings the tensors do not reveal. WeightsError without it."""
    config = read_config(folder / part / name, remedy)
    if not config:
        raise WeightsError(f"{folder} lacks its part {part}: there is no {part}/{name} in it.", remedy)
    return config


def read_folder(folder: Path, stem: str, half: bool, remedy: str) -> dict[str, StoredTensor]:
    """The tensors of one network, in `stem`.safetensors or in pieces of it; those in half precision first if `half`.

    Raises WeightsError.
    """
    for variant in (".fp16", "") if half else ("", ".fp16"):
        whole = folder / f"{stem}{variant}.safetensors"
        pieces = [whole] if whole.is_file() else sorted(folder.glob(f"{stem}{variant}-*-of-*.safetensors"))
        pieces += [] if pieces else sorted(folder.glob(f"{stem}-*-of-*{variant}.safetensors"))
        if pieces:
            return {str(name): tensor for piece in pieces for name, tensor in read_file(piece).items()}
    if not folder.is_dir():
        raise WeightsError(f"{folder.parent} lacks its part {folder.name}: there is no such folder in it.", remedy)
    what = "only pickles, which are not read" if any(folder.glob("*.bin")) else "no weights"
    raise WeightsError(f"{folder} holds {what}: it needs {stem}.safetensors.", remedy)


def load_network(folder: Path, kind: Any, remedy: str) -> nn.Module:
    """A network of `kind`, a class of transformers, from a folder: in float32, for inference alone.

    Tensors may have the names of any version of transformers. Raises WeightsError if one is missing or has another
    shape; tensors that the network does not need are ignored.
    """
    config = read_config(folder / "config.json", remedy)
    if config.get("quantization_config"):
        raise WeightsError(f"{folder} holds quantised weights, which are not supported.", remedy)
    refuse_differences(unreal_numbers(folder), f"{folder} does not fit {kind.__name__}", remedy)
    if any(config.get(name) for name in ELSEWHERE):
        raise WeightsError(f"{folder} names a part of its network that lies elsewhere.", remedy)
    logging.disable_progress_bar()  # it would be drawn between the lines of a log
    try:
        with few_parts():
            network, loaded = kind.from_pretrained(
                folder, local_files_only=True, output_loading_info=True, dtype=torch.float32, trust_remote_code=False
            )
    except Exception as error:  # whatever a damaged or foreign file may raise
        raise WeightsError(f"{folder} cannot be read as {kind.__name__}: {one_line(error)}.", remedy) from error
    wrong = [f"{name} is missing" for name in sorted(loaded["missing_keys"])]
    mismatched = (name[0] if isinstance(name, tuple) else name for name in loaded["mismatched_keys"])
    wrong += [f"{name} has another shape" for name in mismatched]
    wrong += [f"{name} holds values that are not numbers" for name in unusable(network)]
    refuse_differences(wrong, f"{folder} does not fit {kind.__name__}", remedy)
    return network.eval().requires_grad_(False)


def unreal_numbers(folder: Path) -> list[str]:
    """One sentence part for each tensor of a folder's files that holds whole numbers. Raises WeightsError."""
    files = [*folder.glob("*.safetensors"), *folder.glob("*.bin")]
    stored = [item for file in sorted(files) for item in tensors_in(read_file(file)).items()]
    counters = COUNTER, OLD_BUFFER, INDEX
    return [quantised(name, t.dtype) for name, t in stored if not is_real(t.dtype) and not name.endswith(counters)]


def unusable(network: nn.Module) -> list[str]:
    """Names of tensors that hold NaN or infinity."""
    tensors = network.state_dict().items()
    return [name for name, tensor in tensors if tensor.is_floating_point() and not tensor.isfinite().all()]

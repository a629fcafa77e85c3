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
from .checkpoint import StoredTensor, read_file
from .compare import refuse_differences

ELSEWHERE = ("use_pretrained_backbone", "auto_map")  # would look for a part of the network, or for code, elsewhere


def read_config(file: Path, remedy: str) -> dict[str, Any]:
    """The object in a JSON file, {} if there is no file. WeightsError if it is broken."""
    config = read_json(file)
    if config is None and file.exists():
        raise WeightsError(f"{file} cannot be read: it is damaged, or describes no network.", remedy)
    return config or {}


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
    what = "only pickles, which are not read" if any(folder.glob("*.bin")) else "no weights"
    raise WeightsError(f"{folder} holds {what}: it needs {stem}.safetensors.", remedy)


def load_network(folder: Path, kind: Any, remedy: str) -> nn.Module:
    """A network of `kind`, a class of transformers, from a folder: in float32, for inference alone.

    Tensors may have the names of any version of transformers. Raises WeightsError if one is missing or has another
    shape; tensors that the network does not need are ignored.
    """
    config = read_config(folder / "config.json", remedy)
    if any(config.get(name) for name in ELSEWHERE):
        raise WeightsError(f"{folder} names a part of its network that lies elsewhere.", remedy)
    logging.disable_progress_bar()  # it would be drawn between the lines of a log
    try:
        network, loaded = kind.from_pretrained(
            folder, local_files_only=True, output_loading_info=True, dtype=torch.float32, trust_remote_code=False
        )
    except Exception as error:  # whatever a damaged or foreign file may raise
        raise WeightsError(f"{folder} cannot be read as {kind.__name__}: {one_line(error)}.", remedy) from error
    wrong = [f"{name} is missing" for name in sorted(loaded["missing_keys"])]
    mismatched = (name[0] if isinstance(name, tuple) else name for name in loaded["mismatched_keys"])
    wrong += [f"{name} has another shape" for name in mismatched]
    refuse_differences(wrong, f"{folder} does not fit {kind.__name__}", remedy)
    return network.eval().requires_grad_(False)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Published checkpoint files: read without running anything they hold, and compared tensor by tensor."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...interface.catalog import WeightsError

COUNTER = "num_batches_tracked"  # older libraries do not write it, and nothing reads it
NAMED = 3  # differences told


def read_checkpoint(path: Path, remedy: str) -> dict[str, Any]:
    """The dictionary in a .pth or .ckpt file, tensors mapped from disk. Unknown classes never run. WeightsError."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except (pickle.UnpicklingError, RuntimeError, OSError, ValueError, EOFError, KeyError, AttributeError) as error:
        raise WeightsError(f"{path} cannot be read as weights: {reason(path, error)}.", remedy) from error
    if not isinstance(content, dict):
        raise WeightsError(f"{path} holds no weights, but {type(content).__name__}.", remedy)
    return content


def reason(path: Path, error: Exception) -> str:
    """Why a file cannot be read, for people."""
    if not path.exists():
        return "it is not there"
    if not path.is_file():
        return "it is not a file"
    if "Unsupported" in str(error) or "unsupported" in str(error) or "GLOBAL" in str(error):
        return "it holds program code, which is not run"
    return "it is damaged, incomplete or something else"


def differences(found: Mapping[str, Any], wanted: Mapping[str, Tensor]) -> list[str]:
    """What tells the tensors `found` from those `wanted`, one sentence part each, in the order of the names."""
    told = []
    for name in sorted({*found, *wanted}):
        if name not in found:
            if not name.endswith(COUNTER):
                told.append(f"{name} is missing")
        elif not isinstance(found[name], Tensor):
            told.append(f"{name} is not a tensor")
        elif name not in wanted:
            told.append(f"{name} is unknown")
        elif found[name].shape != wanted[name].shape:
            told.append(f"{name} is {list(found[name].shape)}, not {list(wanted[name].shape)}")
        elif not found[name].isfinite().all():
            told.append(f"{name} holds values that are not numbers")
    return told


def fill(model: nn.Module, found: Mapping[str, Any], path: Path, remedy: str) -> None:
    """Give a model (on any device, "meta" too) these tensors, copied; WeightsError names the first differences."""
    wanted = model.state_dict()
    told = differences(found, wanted)
    if told:
        more = f" and {len(told) - NAMED} more" if len(told) > NAMED else ""
        raise WeightsError(f"{path} does not fit {type(model).__name__}: {'; '.join(told[:NAMED])}{more}.", remedy)
    state = {
        k: found[k].to(v.dtype, copy=True) if k in found else torch.zeros((), dtype=v.dtype) for k, v in wanted.items()
    }
    model.load_state_dict(state, assign=True)

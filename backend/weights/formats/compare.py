# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares stored tensors with those that networks need, by name and shape; reads no numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from ...interface.catalog import WeightsError
from .checkpoint import StoredTensor
from .names import Origin, Shape

NAMED_DIFFERENCES = 3  # an error names so many and counts the rest
LONGEST_NAME = 200  # characters of a foreign name
COUNTER = "num_batches_tracked"  # of batch norm: older libraries do not write it, and inference does not read it
OLD_BUFFER = "position_ids"  # older versions of transformers wrote it


def wanted_shapes(network: nn.Module, origins: Mapping[str, Origin] | None = None) -> dict[str, Shape]:
    """The shapes that a network's tensors have in a file, by their names there; None: names and shapes are the same."""
    own = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    if origins is None:
        return own
    return {origins[name].name: origins[name].shape(shape) for name, shape in own.items()}


def find_differences(
    stored: Mapping[str, Any], wanted: Mapping[str, Shape], is_unused: Callable[[str], object] = lambda name: False
) -> list[str]:
    """One sentence part for each tensor that is missing, unknown, of another shape, or of no real numbers, in the order
    of their names.

    is_unused: whether a tensor of that name may be there although no network takes it.
    """
    found = []
    for name in sorted({*stored, *wanted}):
        if name not in stored:
            if not name.endswith(COUNTER):
                found.append(f"{name} is missing")
        elif name not in wanted:
            if not name.endswith(OLD_BUFFER) and not is_unused(name):
                found.append(f"{name[:LONGEST_NAME]} is unknown")
        elif not isinstance(stored[name], StoredTensor):
            found.append(f"{name} is not a tensor")
        elif stored[name].shape != wanted[name]:
            found.append(f"{name} is {list(stored[name].shape)}, not {list(wanted[name])}")
        elif not is_real(stored[name].dtype) and not name.endswith((COUNTER, OLD_BUFFER)):
            found.append(quantised(name, stored[name].dtype))
    return found


def is_real(dtype: torch.dtype | None) -> bool:
    """Whether numbers of a type can be a network's: whole numbers mean nothing without the scales that belong to
    them."""
    return dtype is not None and dtype.is_floating_point


def quantised(name: str, dtype: torch.dtype | None) -> str:
    """The sentence part for a tensor whose numbers are not real, None: of a type that is unknown here."""
    return f"{name} is quantised ({str(dtype or 'unknown').removeprefix('torch.')})"


def refuse_differences(differences: Sequence[str], sentence: str, remedy: str) -> None:
    """Raise WeightsError("<sentence>: <the first differences> and N more.") unless there are none."""
    if differences:
        rest = len(differences) - NAMED_DIFFERENCES
        more = f" and {rest} more" if rest > 0 else ""
        raise WeightsError(f"{sentence}: {'; '.join(differences[:NAMED_DIFFERENCES])}{more}.", remedy)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Fills empty networks with stored numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import nn

from ...interface.catalog import WeightsError
from .checkpoint import StoredTensor
from .names import Origin

MOST_EMPTY = 0.2  # share of a network's numbers in matrices of nothing but zeros; training leaves few of these


def fill(
    network: nn.Module,
    stored: Mapping[str, StoredTensor],
    path: Path,
    remedy: str,
    dtype: torch.dtype = torch.float32,
    origins: Mapping[str, Origin] | None = None,
    count: Callable[[int], None] = lambda numbers: None,
) -> None:
    """Give a network, on any device ("meta" too), copies of its tensors in `dtype`, read one at a time.

    Integers keep their type; counters that no file holds (compare.COUNTER) become zero. origins: by the network's
    names, where each tensor comes from; None: the names are the same. count: called with the size of each tensor read.
    path and remedy: for the WeightsError that is raised if a number is NaN or infinite, or most of them are missing.
    """
    state, matrices, empty = {}, 0, 0
    for name, own in network.state_dict().items():
        origin = origins[name] if origins else Origin(name)
        wanted = dtype if own.is_floating_point() else own.dtype
        if origin.name not in stored:
            state[name] = torch.zeros(own.shape, dtype=wanted)
            continue
        tensor = origin.take(stored[origin.name].read()).to(wanted, copy=True).reshape(own.shape).contiguous()
        if not tensor.isfinite().all():
            raise WeightsError(f"{path} is damaged: {origin.name} holds values that are not numbers.", remedy)
        if tensor.ndim > 1:
            matrices += tensor.numel()
            empty += 0 if tensor.any() else tensor.numel()
        state[name] = tensor
        count(tensor.numel())
    if empty > MOST_EMPTY * matrices:
        text = f"{path} is damaged: {empty / matrices:.0%} of its numbers are zeros, as where a copy broke off."
        raise WeightsError(text, remedy)
    network.load_state_dict(state, assign=True)

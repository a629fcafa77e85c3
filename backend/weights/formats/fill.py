# SPDX-License-Identifier: GPL-3.0-or-later
"""Fills empty networks with stored numbers, with one stored tensor in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from ...interface.catalog import WeightsError
from .checkpoint import StoredTensor
from .names import Origin


def fill(
    network: nn.Module,
    stored: Mapping[str, StoredTensor],
    path: Path,
    remedy: str,
    dtype: torch.dtype = torch.float32,
    origins: Mapping[str, Origin] | None = None,
) -> None:
    """Give a network, on any device ("meta" too), copies of its tensors in `dtype`. WeightsError, see read_tensors."""
    network.load_state_dict(dict(read_tensors(network, stored, path, remedy, dtype, origins)), assign=True)


def read_tensors(
    network: nn.Module,
    stored: Mapping[str, StoredTensor],
    path: Path,
    remedy: str,
    dtype: torch.dtype = torch.float32,
    origins: Mapping[str, Origin] | None = None,
) -> Iterator[tuple[str, Tensor]]:
    """(name, tensor) of all tensors of a network; integers keep their type, counters that no file holds are zero.

    origins: by the network's names, where each tensor comes from; None: the names are the same. path and remedy: for
    the WeightsError that is raised if a number is NaN or infinite.
    """
    for name, own in network.state_dict().items():
        origin = origins[name] if origins else Origin(name)
        wanted = dtype if own.is_floating_point() else own.dtype
        if origin.name not in stored:  # a counter, see compare.COUNTER
            yield name, torch.zeros(own.shape, dtype=wanted)
            continue
        tensor = origin.take(stored[origin.name].read()).to(wanted, copy=True).reshape(own.shape).contiguous()
        if not tensor.isfinite().all():
            raise WeightsError(f"{path} is damaged: {origin.name} holds values that are not numbers.", remedy)
        yield name, tensor

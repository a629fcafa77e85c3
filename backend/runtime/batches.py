# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs networks on the largest batches that fit in memory, estimated from one item and halved if memory runs out."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.checkpoint import checkpoint

from .memory import free_bytes, give_back, is_memory

SHARE = 0.5  # of the free memory; the rest is for libraries' workspaces, which are not measured, and other programs
LARGEST_BATCH = {"cpu": 1 << 30}  # bytes; larger batches are not faster
LARGEST_BATCH_ON_GPU = 3 << 30


class PeakMemory(TorchDispatchMode):
    """Counts the bytes of the tensors that are allocated in this context; `peak`: the most that lived at once."""

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self.known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.known.update(leaf.untyped_storage()._cdata for leaf in tree_leaves((args, kwargs)) if _is_stored(leaf))
        made = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if _is_stored(leaf) and (key := leaf.untyped_storage()._cdata) not in self.known:
                storage = leaf.untyped_storage()
                self.known.add(key)
                self.live += storage.nbytes()
                self.peak = max(self.peak, self.live)
                weakref.finalize(storage, self._forget, key, storage.nbytes())
        return made

    def _forget(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.live -= size


class Batches:
    """Runs one network on batches. The memory that an item takes is measured once for each shape of item."""

    def __init__(self) -> None:
        self.item_bytes: dict[tuple[torch.Size, ...], int] = {}

    @torch.no_grad()
    def run(self, network: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        """network(*parts) for parts of inputs (N, ...) along their first axis; outputs joined (N, ...)."""
        done: list[Tensor] = []
        start, count, most = 0, len(inputs[0]), len(inputs[0])
        while start < count:
            size = min(self.size(network, *inputs), most, count - start) if count > 1 else 1
            try:
                done.append(network(*(x[start : start + size] for x in inputs)))
                start += size
            except Exception as error:
                if size == 1 or not is_memory(error):
                    raise
                most = size // 2
            if most < size:  # outside the handler, whose traceback holds the tensors of the failed attempt
                give_back(inputs[0].device)
        return torch.cat(done)

    def size(self, network: Callable[..., Tensor], *inputs: Tensor) -> int:
        """Items that fit in a batch now. The measured output is dropped, so that equal jobs have equal batches."""
        shapes = tuple(x.shape[1:] for x in inputs)
        if shapes not in self.item_bytes:
            with PeakMemory() as memory:
                network(*(x[:1] for x in inputs))
            self.item_bytes[shapes] = max(1, memory.peak)
        device = inputs[0].device
        room = min(SHARE * free_bytes(device), LARGEST_BATCH.get(device.type, LARGEST_BATCH_ON_GPU))
        return max(1, int(room / self.item_bytes[shapes]))


def one_by_one(network: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """network(images) for images (B, ...); with gradients, one image at a time and with activation checkpointing.

    Otherwise the backward pass of Stable Diffusion's auto-encoder keeps 0.9 GB for each image of 256 pixels a side.
    """
    if len(images) == 1 or not (torch.is_grad_enabled() and images.requires_grad):
        return network(images)
    return torch.cat([checkpoint(network, image, use_reentrant=False) for image in images.split(1)])


def _is_stored(leaf: Any) -> bool:
    return isinstance(leaf, Tensor) and leaf.layout == torch.strided and leaf.device.type != "meta"

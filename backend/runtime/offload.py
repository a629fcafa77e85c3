# SPDX-License-Identifier: GPL-3.0-or-later
"""Offloads networks' weights to main memory when a device is too small for all of them."""

from __future__ import annotations

from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from accelerate import cpu_offload
from torch import Tensor, nn

Placement = Literal["resident", "turns", "layers"]
LOWER: dict[Placement | None, Placement] = {"resident": "turns", "turns": "layers"}  # the next that takes less memory
SHARE = 0.7  # of the free memory that weights may take; the rest is for activations


def size_of(module: nn.Module) -> int:
    """Bytes of a network's parameters."""
    return sum(p.numel() * p.element_size() for p in module.parameters())


def choose_placement(parts: dict[str, nn.Module], free: int) -> Placement:
    """The placement for `free` bytes: "resident" if all networks fit, "turns" if the largest does, else "layers"."""
    sizes = [size_of(part) for part in parts.values()]
    if sum(sizes) <= SHARE * free:
        return "resident"
    return "turns" if max(sizes) <= SHARE * free else "layers"


def place(parts: dict[str, nn.Module], device: torch.device, placement: Placement) -> None:
    """Move networks to a device, or with "layers" let each layer's weights come for the time that it computes."""
    for part in parts.values():
        if placement == "resident":
            part.to(device)
        elif placement == "layers":
            cpu_offload(part, execution_device=device)


def take_turn(parts: dict[str, nn.Module], name: str, device: torch.device) -> None:
    """Move one network to the device and the others to main memory."""
    for other, part in parts.items():
        if other != name:
            part.to("cpu")
    parts[name].to(device)


def keep_half(module: nn.Module) -> None:
    """Store the weights of linear and convolution layers in float16, and compute in the input's precision.

    Halves the memory of a network on CPUs that cannot compute quickly in less than float32.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            layer.weight.data = layer.weight.data.half()
            layer.forward = partial(_multiply, layer)  # pyright: ignore[reportAttributeAccessIssue]
        elif isinstance(layer, nn.Conv2d):
            layer.weight.data = layer.weight.data.half()
            layer.forward = partial(_convolve, layer)  # pyright: ignore[reportAttributeAccessIssue]


def _multiply(layer: nn.Linear, x: Tensor) -> Tensor:
    return F.linear(x, layer.weight.to(x.dtype), layer.bias)


def _convolve(layer: nn.Conv2d, x: Tensor) -> Tensor:
    return layer._conv_forward(x, layer.weight.to(x.dtype), layer.bias)

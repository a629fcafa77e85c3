# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the networks' weights lie while they wait: on the device, or, where it is small, in main memory."""

from __future__ import annotations

from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from accelerate import cpu_offload
from torch import Tensor, nn

Placement = Literal["resident", "turns", "layers"]
LOWER: dict[Placement | None, Placement] = {"resident": "turns", "turns": "layers"}  # what takes less of the device
SHARE = 0.7  # of the free memory that weights may take; the rest is for what is computed


def size_of(module: nn.Module) -> int:
    """Bytes of a network's weights."""
    return sum(p.numel() * p.element_size() for p in module.parameters())


def choose_placement(parts: dict[str, nn.Module], free: int) -> Placement:
    """What fits in `free` bytes of a device: all networks, the largest of them, or not even that."""
    sizes = [size_of(part) for part in parts.values()]
    if sum(sizes) <= SHARE * free:
        return "resident"
    return "turns" if max(sizes) <= SHARE * free else "layers"


def place(parts: dict[str, nn.Module], device: torch.device, placement: Placement) -> None:
    """ "layers": each layer comes to the device for the time that it computes."""
    for part in parts.values():
        if placement == "resident":
            part.to(device)
        elif placement == "layers":
            cpu_offload(part, execution_device=device)


def take_turn(parts: dict[str, nn.Module], name: str, device: torch.device) -> None:
    """Bring one network to the device, the others to main memory."""
    for other, part in parts.items():
        if other != name:
            part.to("cpu")
    parts[name].to(device)


def keep_half(module: nn.Module) -> None:
    """Keep the weights of linear and convolution layers in float16 and compute in the input's precision.

    Halves the memory of a network on a CPU that computes with nothing less than float32.
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

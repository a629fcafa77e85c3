# SPDX-License-Identifier: GPL-3.0-or-later
"""Convolutions of 3x3 with a quarter of the multiplications: F(4x4, 3x3) of Lavin and Gray 2016, algorithm 1.

Exact except for rounding (2e-6). GPU libraries include it; PyTorch on a CPU multiplies directly.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# The paper's B^T, G and A^T, each times itself, so that one product transforms rows and columns of a tile.
INPUT, KERNEL, OUTPUT = (
    torch.kron(matrix, matrix)
    for matrix in (
        torch.tensor(
            [
                [4, 0, -5, 0, 1, 0],
                [0, -4, -4, 1, 1, 0],
                [0, 4, -4, -1, 1, 0],
                [0, -2, -1, 2, 1, 0],
                [0, 2, -1, -2, 1, 0],
                [0, 4, 0, -5, 0, 1.0],
            ]
        ),
        torch.tensor([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24.0]]) / 24,
        torch.tensor([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1.0]]),
    )
)
MIN_TILES, MIN_CHANNELS = 32, 256  # with fewer, the transformations take longer than they save
IMAGES_BYTES, KERNELS_BYTES = 24 << 20, 16 << 20  # transformed at once; they fit in a processor's cache


def use_winograd(network: nn.Module) -> None:
    """Use Winograd's algorithm for a network's 3x3 convolutions where it is faster on a CPU."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and min(layer.in_channels, layer.out_channels) >= MIN_CHANNELS:
            if (layer.kernel_size, layer.stride, layer.padding) == ((3, 3), (1, 1), (1, 1)) and layer.groups == 1:
                direct = layer.forward
                layer.forward = partial(_convolve_quicker, layer, direct)  # pyright: ignore[reportAttributeAccessIssue]


def _convolve_quicker(layer: nn.Conv2d, direct: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    height, width = x.shape[2:]
    tiles = height * width // 16
    suits = height % 4 == width % 4 == 0 and len(x) * tiles >= MIN_TILES
    if x.dtype != torch.float32 or not suits or tiles * layer.in_channels * 144 > IMAGES_BYTES:
        return direct(x)
    return convolve(x, layer.weight, layer.bias)


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """conv2d with padding 1: float32 (N, C, H, W), weight (D, C, 3, 3), bias (D,) -> (N, D, H, W), channels last.

    H and W are multiples of 4. Images and kernels are transformed in parts, so that the memory does not grow.
    """
    n, c, height, width = x.shape
    rows, columns, d = height // 4, width // 4, len(weight)
    images = max(1, IMAGES_BYTES // (144 * rows * columns * c))
    kernels = max(1, KERNELS_BYTES // (144 * c))
    padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
    y = x.new_empty(n, rows, 4, columns, 4, d)
    for i in range(0, n, images):
        tiles = padded[i : i + images].unfold(1, 6, 4).unfold(2, 6, 4).permute(4, 5, 0, 1, 2, 3)
        tiles = (INPUT @ tiles.reshape(36, -1)).view(36, -1, c)
        for j in range(0, d, kernels):
            part = weight[j : j + kernels].to(x.dtype).permute(2, 3, 0, 1).reshape(9, -1)
            products = tiles @ (KERNEL @ part).view(36, -1, c).transpose(1, 2)
            parts = (OUTPUT @ products.view(36, -1)).view(4, 4, -1, rows, columns, products.shape[-1])
            y[i : i + images, ..., j : j + kernels] = parts.permute(2, 3, 0, 4, 1, 5)
    y = y.view(n, height, width, d)
    return (y if bias is None else y.add_(bias.to(y.dtype))).permute(0, 3, 1, 2)

# SPDX-License-Identifier: GPL-3.0-or-later
"""SparseNeuS's image encoder: a three-level feature pyramid, fused at full resolution. Module names as published."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BatchStatisticsNorm(nn.Module):
    """Batch norm that always uses the statistics of its current input, mean and biased variance.

    The published export runs every network in training mode, so the checkpoint's running statistics are never used.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.register_buffer("num_batches_tracked", torch.zeros((), dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, ...)."""
        return F.batch_norm(x, None, None, self.weight, self.bias, training=True, eps=1e-5)


class InPlaceABN(BatchStatisticsNorm):
    """mapillary's activated batch norm in plain PyTorch: scale |weight| + eps, then leaky ReLU of slope 0.01."""

    def forward(self, x: Tensor) -> Tensor:
        x = F.batch_norm(x, None, None, self.weight.abs() + 1e-5, self.bias, training=True, eps=1e-5)
        return F.leaky_relu(x, 0.01)


class ConvBnReLU(nn.Module):
    """Convolution without bias and with same padding, then activated batch norm."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.bn = InPlaceABN(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))


class FeaturePyramid(nn.Module):
    """RGB (V, 3, H, W) in 0..1 -> fused features (V, 7 base, H, W), 56 as published. H and W divisible by 4."""

    def __init__(self, base: int = 8):
        super().__init__()
        a, b, c = base, 2 * base, 4 * base
        self.conv0 = nn.Sequential(ConvBnReLU(3, a), ConvBnReLU(a, a))
        self.conv1 = nn.Sequential(ConvBnReLU(a, b, 5, 2), ConvBnReLU(b, b), ConvBnReLU(b, b))
        self.conv2 = nn.Sequential(ConvBnReLU(b, c, 5, 2), ConvBnReLU(c, c), ConvBnReLU(c, c))
        self.toplayer = nn.Conv2d(c, c, 1)
        self.lat1 = nn.Conv2d(b, c, 1)
        self.lat0 = nn.Conv2d(a, c, 1)
        self.smooth1 = nn.Conv2d(c, b, 3, padding=1)
        self.smooth0 = nn.Conv2d(c, a, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        c0 = self.conv0(images)
        c1 = self.conv1(c0)
        c2 = self.conv2(c1)
        f2 = self.toplayer(c2)
        f1 = upsample(f2, 2) + self.lat1(c1)
        f0 = upsample(f1, 2) + self.lat0(c0)
        return torch.cat([upsample(f2, 4), upsample(self.smooth1(f1), 2), self.smooth0(f0)], 1)


def upsample(x: Tensor, factor: int) -> Tensor:
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=True)

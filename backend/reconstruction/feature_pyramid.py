# SPDX-License-Identifier: GPL-3.0-or-later
"""SparseNeuS's image features: a three-level feature pyramid fused at full resolution (module names as published)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BatchStatisticsNorm(nn.Module):
    """Normalises with the statistics of its current input, always (mean and biased variance over all but channels).

    The published export runs every network in training mode, so the stored running statistics, kept here
    for loading, are never used.
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
    """mapillary's activated batch norm in plain PyTorch: the scale is |weight| + eps, then leaky ReLU of slope 0.01."""

    def forward(self, x: Tensor) -> Tensor:
        x = F.batch_norm(x, None, None, self.weight.abs() + 1e-5, self.bias, training=True, eps=1e-5)
        return F.leaky_relu(x, 0.01)


class ConvBnReLU(nn.Module):
    """Convolution without bias, same padding, and activated batch norm."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.bn = InPlaceABN(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))


class FeaturePyramid(nn.Module):
    """RGB (V, 3, H, W) in 0..1 -> fused features (V, 56, H, W). H and W divisible by 4."""

    def __init__(self):
        super().__init__()
        self.conv0 = nn.Sequential(ConvBnReLU(3, 8), ConvBnReLU(8, 8))
        self.conv1 = nn.Sequential(ConvBnReLU(8, 16, 5, 2), ConvBnReLU(16, 16), ConvBnReLU(16, 16))
        self.conv2 = nn.Sequential(ConvBnReLU(16, 32, 5, 2), ConvBnReLU(32, 32), ConvBnReLU(32, 32))
        self.toplayer = nn.Conv2d(32, 32, 1)
        self.lat1 = nn.Conv2d(16, 32, 1)
        self.lat0 = nn.Conv2d(8, 32, 1)
        self.smooth1 = nn.Conv2d(32, 16, 3, padding=1)
        self.smooth0 = nn.Conv2d(32, 8, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        c0 = self.conv0(images)
        c1 = self.conv1(c0)
        c2 = self.conv2(c1)
        f2 = self.toplayer(c2)
        f1 = enlarge(f2, 2) + self.lat1(c1)
        f0 = enlarge(f1, 2) + self.lat0(c0)
        return torch.cat([enlarge(f2, 4), enlarge(self.smooth1(f1), 2), self.smooth0(f0)], 1)


def enlarge(x: Tensor, factor: int) -> Tensor:
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=True)

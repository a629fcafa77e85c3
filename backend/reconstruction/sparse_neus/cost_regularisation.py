# SPDX-License-Identifier: GPL-3.0-or-later
"""SparseNeuS's sparse 3D U-Net as masked dense convolutions, equivalent to torchsparse 1.4."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .feature_pyramid import BatchStatisticsNorm


class Kernel(nn.Module):
    """torchsparse's convolution weight (27, in, out), offsets with x fastest."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(27, inputs, outputs) * (2 / (27 * inputs)) ** 0.5)

    def dense(self) -> Tensor:
        """The weight as (in, out, x, y, z), on CPUs in the memory format with the fastest convolutions."""
        weight = self.kernel.view(3, 3, 3, *self.kernel.shape[1:]).permute(3, 4, 2, 1, 0)
        return weight.to(memory_format=torch.channels_last_3d) if weight.device.type == "cpu" else weight


class SparseBlock(nn.Module):
    """Convolution (plain, strided or transposed), batch norm over active sites, ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, transposed: bool = False):
        super().__init__()
        self.net = nn.Sequential(Kernel(inputs, outputs), BatchStatisticsNorm(outputs))
        self.stride = stride
        self.transposed = transposed

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """inputs (1, C, X, Y, Z), zero at inactive sites; mask (1, 1, ...), the output's active sites."""
        weight = self.net[0].dense()  # pyright: ignore[reportCallIssue]
        if self.transposed:
            i, j, k = mask.shape[2:]
            x = F.conv_transpose3d(inputs, weight, stride=2, padding=1)[:, :, :i, :j, :k]
        elif self.stride == 2:
            x = F.conv3d(pad_strided(inputs), weight.transpose(0, 1), stride=2)
        else:
            x = F.conv3d(inputs, weight.transpose(0, 1), padding=1)
        return masked_norm(x, mask, self.net[1])


def pad_strided(x: Tensor) -> Tensor:
    """Pad so that a convolution of stride 2 and kernel 3 gives floor(D / 2) + 1 sites per axis, as torchsparse does."""
    return F.pad(x, [p for d in reversed(x.shape[2:]) for p in (1, 2 * (d // 2) + 2 - d)])


def masked_norm(x: Tensor, mask: Tensor, norm: nn.Module) -> Tensor:
    """Batch norm over active sites, then ReLU, zero elsewhere. Modifies x in place."""
    per_channel = (1, -1, 1, 1, 1)
    count = mask.sum()
    x = x.mul_(mask)
    mean = x.sum((2, 3, 4), keepdim=True) / count
    x = x.addcmul_(mask, mean, value=-1)
    variance = x.square().sum((2, 3, 4), keepdim=True) / count
    weight, bias = norm.weight.view(per_channel), norm.bias.view(per_channel)  # pyright: ignore[reportCallIssue]
    return (x * (weight * torch.rsqrt(variance + 1e-5))).addcmul_(mask, bias).relu_()


def downsample_sites(mask: Tensor) -> Tensor:
    """Active sites of the next level: those with an active neighbour, but none below an axis's lowest active one."""
    out = F.max_pool3d(pad_strided(mask), 3, 2)
    for axis in (2, 3, 4):
        active = mask.amax([d for d in (2, 3, 4) if d != axis]).flatten().nonzero()
        first = (int(active[0]) + 1) // 2 if len(active) else 0
        out.narrow(axis, 0, first).zero_()
    return out


class SparseCostRegNet(nn.Module):
    """Cost volume (1, C, D, D, D) and its active sites (1, 1, D, D, D) -> features (1, widths[0], D, D, D)."""

    def __init__(self, inputs: int = 32, widths: tuple[int, int, int, int] = (16, 16, 32, 64)):
        super().__init__()
        a, b, c, d = widths
        self.conv0 = SparseBlock(inputs, a)
        self.conv1, self.conv2 = SparseBlock(a, b, 2), SparseBlock(b, b)
        self.conv3, self.conv4 = SparseBlock(b, c, 2), SparseBlock(c, c)
        self.conv5, self.conv6 = SparseBlock(c, d, 2), SparseBlock(d, d)
        self.conv7 = SparseBlock(d, c, transposed=True)
        self.conv9 = SparseBlock(c, b, transposed=True)
        self.conv11 = SparseBlock(b, a, transposed=True)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        mask1 = downsample_sites(mask)
        mask2 = downsample_sites(mask1)
        mask3 = downsample_sites(mask2)
        c0 = self.conv0(x, mask)
        c2 = self.conv2(self.conv1(c0, mask1), mask1)
        c4 = self.conv4(self.conv3(c2, mask2), mask2)
        x = self.conv6(self.conv5(c4, mask3), mask3)
        x = c4 + self.conv7(x, mask2)
        x = c2 + self.conv9(x, mask1)
        return c0 + self.conv11(x, mask)

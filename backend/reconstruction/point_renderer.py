# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of points with learned descriptors by a small gated U-Net (Make-It-3D, section 3.3; gated convolutions by
Yu et al. 2019)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LEAST = 1e-3  # of a colour, whose logit is to be finite


class GatedConvolution(nn.Module):
    """ELU(convolution) x sigmoid(convolution), 3 x 3, normalised per picture.

    Released with batches of one picture under BatchNorm, which then is this; but here the same in use as in training.
    """

    def __init__(self, inputs: int, outputs: int, is_normalised: bool = True):
        super().__init__()
        self.feature, self.gate = (nn.Conv2d(inputs, outputs, 3, padding=1) for _ in range(2))
        self.norm = nn.InstanceNorm2d(outputs, affine=True) if is_normalised else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(F.elu(self.feature(x)) * self.gate(x).sigmoid())


class PointRenderer(nn.Module):
    """Maps of descriptors (B, 3 + channels, H / s, W / s) for s = 1, 2 and 4, the first three of them a colour ->
    pictures (B, 3, H, W), 0..1. H and W can be divided by 4.

    Before it has learned anything the picture is the descriptors' own colour, so that few steps suffice.
    """

    def __init__(self, channels: int = 16):
        super().__init__()
        told = 3 + channels
        self.start = GatedConvolution(told, 16)
        self.down1, self.down2 = GatedConvolution(16, 32 - told), GatedConvolution(32, 64 - told)
        self.narrow2, self.narrow1 = GatedConvolution(64, 32), GatedConvolution(32, 16)
        self.up2, self.up1 = GatedConvolution(64, 32, is_normalised=False), GatedConvolution(32, 16)
        self.color = nn.Conv2d(16, 3, 1)
        nn.init.zeros_(self.color.weight)
        nn.init.zeros_(self.color.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        fine, middle, coarse = maps
        whole = self.start(fine)
        half = torch.cat([self.down1(F.avg_pool2d(whole, 2)), middle], 1)
        quarter = torch.cat([self.down2(F.avg_pool2d(half, 2)), coarse], 1)
        x = self.up2(torch.cat([self.narrow2(doubled(quarter)), half], 1))
        x = self.up1(torch.cat([self.narrow1(doubled(x)), whole], 1))
        return (self.color(x) + fine[:, :3].clamp(LEAST, 1 - LEAST).logit()).sigmoid()


def doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

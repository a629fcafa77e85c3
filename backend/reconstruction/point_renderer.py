# SPDX-License-Identifier: GPL-3.0-or-later
"""Neural point rendering: a small gated U-Net turns splatted point descriptors into images (Make-It-3D, section 3.3;
gated convolutions, Yu et al. 2019)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MIN_COLOR = 1e-3  # keeps a colour's logit finite


class GatedConvolution(nn.Module):
    """ELU(convolution) x sigmoid(convolution), 3 x 3, with instance normalisation.

    The released code uses BatchNorm with batches of one image, which is equivalent during training. Instance
    normalisation keeps inference identical to training.
    """

    def __init__(self, inputs: int, outputs: int, is_normalised: bool = True):
        super().__init__()
        self.feature, self.gate = (nn.Conv2d(inputs, outputs, 3, padding=1) for _ in range(2))
        self.norm = nn.InstanceNorm2d(outputs, affine=True) if is_normalised else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(F.elu(self.feature(x)) * self.gate(x).sigmoid())


class PointRenderer(nn.Module):
    """Descriptor maps (B, 3 + channels, H / s, W / s) for s = 1, 2, 4 -> images (B, 3, H, W), 0..1.

    The first three channels are RGB, and H and W are divisible by 4. The network is initialised to output the
    descriptors' RGB, so that few training steps suffice.
    """

    def __init__(self, channels: int = 16):
        super().__init__()
        descriptor = 3 + channels
        self.start = GatedConvolution(descriptor, 16)
        self.down1, self.down2 = GatedConvolution(16, 32 - descriptor), GatedConvolution(32, 64 - descriptor)
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
        x = self.up2(torch.cat([self.narrow2(upsample(quarter)), half], 1))
        x = self.up1(torch.cat([self.narrow1(upsample(x)), whole], 1))
        return (self.color(x) + fine[:, :3].clamp(MIN_COLOR, 1 - MIN_COLOR).logit()).sigmoid()


def upsample(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixel-aligned image features (PIFu, Saito et al. 2019), the starter LRM's addition to the paper.

A transformer alone needs far more training than a laptop provides.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

OCTAVES = 3  # of the point's positional encoding
STEM = 24  # channels
CAMERA_WIDTH = 64  # hidden width of the camera head


class Layer(nn.Sequential):
    """Convolution, group normalisation, SiLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.GroupNorm(8, outputs), nn.SiLU())


class LocalFeatures(nn.Module):
    """A small U-Net that reads an image beside pretrained features of it.

    Images (B, 3, S, S) and features (B, pretrained[i], S / 2^i, S / 2^i) -> local features (B, channels, S / 2, S / 2),
    coarse features (B, coarse, S / 4, S / 4) and camera estimates (B, 3): the camera's elevation in radians, the log of
    its apparent distance and the log of the object's depth. S is divisible by 32.

    Args:
        channels: of the local features.
        coarse: channels of the coarse features.
        pretrained: channels of the pretrained features at full, 1/2, 1/4, 1/8 and 1/16 of the resolution.
        widths: of the encoder at 1/4, 1/8, ... of the resolution.
        last: width of the decoder at 1/4.
        fine: width of its last level, at 1/2.
        blocks: residual blocks at the coarsest level.
    """

    def __init__(
        self,
        channels: int,
        coarse: int,
        pretrained: tuple[int, ...],
        widths: tuple[int, ...],
        last: int = 64,
        fine: int = 64,
        blocks: int = 0,
    ):
        super().__init__()
        self.coarse = coarse
        self.stem = Layer(3, STEM, 2)
        self.down = nn.ModuleList(
            nn.Sequential(Layer(a, b, 1 if i == 0 else 2), Layer(b, b) if i else nn.Identity())
            for i, (a, b) in enumerate(pairwise((STEM, *widths)))
        )
        self.read = nn.ModuleList(
            nn.Conv2d(*pair, 1) for pair in zip(pretrained[2 : 2 + len(widths)], widths, strict=False)
        )
        self.middle = Layer(widths[-1], widths[-1])
        residual = [Layer(widths[-1], widths[-1]) for _ in range(blocks)]
        for block in residual:  # initialised to the identity
            nn.init.zeros_(cast(nn.GroupNorm, block[1]).weight)
        self.blocks = nn.ModuleList(residual)
        self.camera = nn.Sequential(nn.Linear(widths[-1], CAMERA_WIDTH), nn.SiLU(), nn.Linear(CAMERA_WIDTH, 3))
        inputs, skips, outputs = widths[1:], widths[:-1], (last, *widths[1:-1])
        self.up = nn.ModuleList(
            nn.Sequential(Layer(a + b, c), Layer(c, c) if i else nn.Identity())
            for i, (a, b, c) in enumerate(zip(inputs, skips, outputs, strict=True))
        )
        self.head = nn.Conv2d(last, channels + coarse, 1)
        self.fine_stem = Layer(3, STEM, 2)
        self.fine = nn.Sequential(Layer(last + STEM + pretrained[1], fine), Layer(fine, fine))
        self.fine_head = nn.Conv2d(fine, channels, 1)
        for layer in (*self.read, self.fine_head):  # they refine what the rest estimates
            nn.init.zeros_(cast(nn.Conv2d, layer).weight)
            nn.init.zeros_(cast(nn.Parameter, layer.bias))

    def forward(self, images: Tensor, features: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        x = self.stem(F.avg_pool2d(images, 2))
        skips = []
        for i, layer in enumerate(self.down):
            x = layer(x)
            if i < len(self.read):
                x = x + self.read[i](features[i + 2])
            skips.append(x)
        x = skips.pop() + self.middle(x)
        for block in self.blocks:
            x = x + block(x)
        camera = self.camera(x.mean((2, 3)))
        for layer in reversed(self.up):
            x = layer(torch.cat([F.interpolate(x, scale_factor=2.0, mode="nearest"), skips.pop()], 1))
        local, coarse = self.head(x).split([self.fine_head.out_channels, self.coarse], 1)
        detail = torch.cat([enlarge(x), self.fine_stem(images), features[1]], 1)
        return enlarge(local) + self.fine_head(self.fine(detail)), coarse, camera


def enlarge(maps: Tensor) -> Tensor:
    """Double the resolution of maps (B, C, H, W)."""
    return F.interpolate(maps, scale_factor=2.0, mode="bilinear", align_corners=False)


def encode_position(points: Tensor) -> Tensor:
    """Positional encoding of points (B, N, 3) in [-1, 1] -> (B, N, 3 + 6 OCTAVES)."""
    waves = [f(points * (torch.pi * 2**k)) for k in range(OCTAVES) for f in (torch.sin, torch.cos)]
    return torch.cat([points, *waves], -1)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixel-aligned image features (PIFu, Saito et al. 2019), the starter LRM's addition to the paper.

A transformer alone needs far more training than a laptop provides.
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

OCTAVES = 3  # of the point's positional encoding
CAMERA_WIDTH = 64  # hidden width of the camera head


class Layer(nn.Sequential):
    """Convolution, group normalisation, SiLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.GroupNorm(8, outputs), nn.SiLU())


class LocalFeatures(nn.Module):
    """A small U-Net: images (B, 3, S, S) -> features (B, channels, S / 2, S / 2) and camera estimates (B, 3).

    An estimate is the camera's elevation in radians, the log of its apparent distance and the log of the object's
    depth. S is divisible by 16.

    Args:
        channels: of the features.
        widths: of the encoder at 1/2, 1/4, ... of the resolution.
        last: width of the decoder's last level, at 1/2.
        blocks: residual blocks at the coarsest level.
    """

    def __init__(self, channels: int, widths: tuple[int, ...], last: int = 64, blocks: int = 0):
        super().__init__()
        self.stem = Layer(3, 24, 2)
        self.down = nn.ModuleList(
            nn.Sequential(Layer(a, b, 1 if i == 0 else 2), Layer(b, b) if i else nn.Identity())
            for i, (a, b) in enumerate(pairwise((24, *widths)))
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
        self.head = nn.Conv2d(last, channels, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        x = self.stem(images)
        skips = []
        for layer in self.down:
            x = layer(x)
            skips.append(x)
        x = skips.pop() + self.middle(x)
        for block in self.blocks:
            x = x + block(x)
        camera = self.camera(x.mean((2, 3)))
        for layer in reversed(self.up):
            x = layer(torch.cat([F.interpolate(x, scale_factor=2.0, mode="nearest"), skips.pop()], 1))
        return self.head(x), camera


def encode_position(points: Tensor) -> Tensor:
    """Positional encoding of points (B, N, 3) in [-1, 1] -> (B, N, 3 + 6 OCTAVES)."""
    waves = [f(points * (torch.pi * 2**k)) for k in range(OCTAVES) for f in (torch.sin, torch.cos)]
    return torch.cat([points, *waves], -1)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Convolutional features of the picture, asked for where a point is seen (Saito et al. 2019, PIFu): our starter LRM's
addition to the paper, because a transformer alone needs far more training than a laptop gives.
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

OCTAVES = 3  # of the point's own place
CAMERA_WIDTH = 64


class Layer(nn.Sequential):
    """Convolution, group normalisation, SiLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.GroupNorm(8, outputs), nn.SiLU())


class LocalFeatures(nn.Module):
    """A small U-Net: pictures (B, 3, S, S), S divisible by 16 -> features (B, channels, S / 2, S / 2), and what they
    seem taken of (B, 3): the camera's elevation in radians, logarithms of its apparent distance and of the object's
    depth.

    widths: channels at a half, a quarter, ... of the picture's resolution, and last, at a half. blocks: residual ones
    at the coarsest.
    """

    def __init__(self, channels: int, widths: tuple[int, ...], last: int = 64, blocks: int = 0):
        super().__init__()
        self.stem = Layer(3, 24, 2)
        self.down = nn.ModuleList(
            nn.Sequential(Layer(a, b, 1 if i == 0 else 2), Layer(b, b) if i else nn.Identity())
            for i, (a, b) in enumerate(pairwise((24, *widths)))
        )
        self.middle = Layer(widths[-1], widths[-1])
        added = [Layer(widths[-1], widths[-1]) for _ in range(blocks)]
        for block in added:  # each adds nothing at first
            nn.init.zeros_(cast(nn.GroupNorm, block[1]).weight)
        self.blocks = nn.ModuleList(added)
        self.camera = nn.Sequential(nn.Linear(widths[-1], CAMERA_WIDTH), nn.SiLU(), nn.Linear(CAMERA_WIDTH, 3))
        below, beside, outputs = widths[1:], widths[:-1], (last, *widths[1:-1])
        self.up = nn.ModuleList(
            nn.Sequential(Layer(a + b, c), Layer(c, c) if i else nn.Identity())
            for i, (a, b, c) in enumerate(zip(below, beside, outputs, strict=True))
        )
        self.head = nn.Conv2d(last, channels, 1)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        x, beside = self.stem(pictures), []
        for layer in self.down:
            x = layer(x)
            beside.append(x)
        x = beside.pop() + self.middle(x)
        for block in self.blocks:
            x = x + block(x)
        camera = self.camera(x.mean((2, 3)))
        for layer in reversed(self.up):
            x = layer(torch.cat([F.interpolate(x, scale_factor=2.0, mode="nearest"), beside.pop()], 1))
        return self.head(x), camera


def encode_place(points: Tensor) -> Tensor:
    """(B, N, 3) in [-1, 1] -> (B, N, 3 + 6 OCTAVES)."""
    waves = [f(points * (torch.pi * 2**k)) for k in range(OCTAVES) for f in (torch.sin, torch.cos)]
    return torch.cat([points, *waves], -1)

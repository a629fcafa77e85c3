# SPDX-License-Identifier: GPL-3.0-or-later
"""LPIPS (Zhang et al. 2018): a distance between images by the features of a network trained on ImageNet.

The layers and their order are those of the published AlexNet and VGG-16, up to the last feature that LPIPS uses.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Backbone = Literal["alexnet", "vgg16"]

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of images in -1..1: ImageNet's, as published
EPSILON = 1e-10
SMALLEST_SIDE: dict[Backbone, int] = {"alexnet": 31, "vgg16": 16}  # pixels, or a pooled feature would be empty


def conv(channels: int, features: int, size: int, stride: int = 1, padding: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, features, size, stride, padding), nn.ReLU())


def alexnet() -> nn.ModuleList:
    """AlexNet (Krizhevsky 2014) in five parts, each of which ends with a feature that LPIPS compares."""
    pool = nn.MaxPool2d(3, 2)
    return nn.ModuleList(
        [
            nn.Sequential(conv(3, 64, 11, 4, 2)),
            nn.Sequential(pool, conv(64, 192, 5, 1, 2)),
            nn.Sequential(pool, conv(192, 384, 3)),
            nn.Sequential(conv(384, 256, 3)),
            nn.Sequential(conv(256, 256, 3)),
        ]
    )


def vgg16() -> nn.ModuleList:
    """VGG-16 (Simonyan and Zisserman 2015) in five parts, each of which ends with a feature that LPIPS compares."""
    parts, widths = [], [3, 64, 128, 256, 512, 512]
    for (before, width), count in zip(pairwise(widths), (2, 2, 3, 3, 3), strict=True):
        pool = [nn.MaxPool2d(2)] if parts else []
        parts.append(nn.Sequential(*pool, conv(before, width, 3), *(conv(width, width, 3) for _ in range(count - 1))))
    return nn.ModuleList(parts)


class LPIPS(nn.Module):
    """The distance. It is frozen, and differentiable in the images.

    backbone: "alexnet" is the one to measure with, "vgg16" the one that its authors recommend as a training loss.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone: Backbone = backbone
        self.parts = alexnet() if backbone == "alexnet" else vgg16()
        widths = [part[-1][0].out_channels for part in self.parts]  # pyright: ignore[reportIndexIssue]
        self.heads = nn.ParameterList([torch.zeros(width) for width in widths])
        self.register_buffer("shift", torch.tensor(SHIFT).view(3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE).view(3, 1, 1), persistent=False)
        self.requires_grad_(False).eval()

    def forward(self, images: Tensor, others: Tensor) -> Tensor:
        """Distances (B,) of images (B, 3, H, W) to others of the same shape, sRGB in 0..1; 0 for equal ones.

        The published network takes images in -1..1, which are scaled here. Raises ValueError for images smaller than
        SMALLEST_SIDE.
        """
        if min(images.shape[2:]) < SMALLEST_SIDE[self.backbone]:
            raise ValueError(f"LPIPS needs images of at least {SMALLEST_SIDE[self.backbone]} pixels a side.")
        both = self.features(torch.cat([images, others]))
        distance = images.new_zeros(len(images))
        for feature, head in zip(both, self.heads, strict=True):
            a, b = feature.chunk(2)
            distance = distance + torch.einsum("bchw,c->bhw", (a - b) ** 2, head).mean((1, 2))
        return distance

    def features(self, images: Tensor) -> list[Tensor]:
        """Five features (B, C, h, w) of images (B, 3, H, W) in 0..1, of length 1 along C, or 0 where nothing fires."""
        x = (images * 2 - 1 - self.shift) / self.scale
        found = []
        for part in self.parts:
            x = part(x)
            found.append(x / (length(x) + EPSILON))
        return found


def length(x: Tensor) -> Tensor:
    """Euclidean length along the channels (B, 1, H, W); its gradient is 0, not NaN, where all channels are 0."""
    square = (x**2).sum(1, keepdim=True)
    is_zero = square == 0
    return square.masked_fill(is_zero, 1).sqrt().masked_fill(is_zero, 0)


def resized(images: Tensor, side: int) -> Tensor:
    """Images (B, 3, H, W) in 0..1 at side x side pixels, with smoothing where they become smaller."""
    return F.interpolate(images, (side, side), mode="bilinear", antialias=True, align_corners=False)

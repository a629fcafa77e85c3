# SPDX-License-Identifier: GPL-3.0-or-later
"""EfficientNet-Lite2 (Tan and Le 2019; Liu 2020): the starter LRM's image features, pretrained on ImageNet.

Batch normalisation is folded into the convolutions, as it is in inference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor, nn

STEM = 32  # channels
STAGES = (  # blocks, kernel size, stride, expansion, channels
    (1, 3, 1, 1, 16),
    (3, 3, 2, 6, 24),
    (3, 5, 2, 6, 48),
    (4, 3, 2, 6, 88),
    (4, 5, 1, 6, 120),
    (5, 5, 2, 6, 208),
    (1, 3, 1, 6, 352),
)
TAPS = (0, 1, 2, 4, 6)  # stages whose features are used: at 1/2, 1/4, 1/8, 1/16 and 1/32 of the resolution
CHANNELS = tuple(STAGES[i][4] for i in TAPS)
EPSILON = 1e-3  # of batch normalisation


class Convolution(nn.Conv2d):
    """A convolution with TensorFlow's "SAME" padding: the odd pixel of padding lies on the right and below."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1):
        super().__init__(inputs, outputs, size, stride, groups=groups)

    def forward(self, input: Tensor) -> Tensor:
        size, stride = self.kernel_size[0], self.stride[0]
        height, width = (max((-(-n // stride) - 1) * stride + size - n, 0) for n in input.shape[2:])
        if height == width and height % 2 == 0:
            return F.conv2d(input, self.weight, self.bias, stride, height // 2, groups=self.groups)
        padded = F.pad(input, (width // 2, width - width // 2, height // 2, height - height // 2))
        return F.conv2d(padded, self.weight, self.bias, stride, groups=self.groups)


class Block(nn.Module):
    """Inverted residual (Sandler et al. 2018): expand, filter each channel, project."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int, expansion: int):
        super().__init__()
        inner = inputs * expansion
        self.expand = Convolution(inputs, inner, 1) if expansion > 1 else None
        self.depthwise = Convolution(inner, inner, size, stride, inner)
        self.project = Convolution(inner, outputs, 1)
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        inner = x if self.expand is None else F.relu6(self.expand(x))
        out = self.project(F.relu6(self.depthwise(inner)))
        return x + out if self.is_residual else out


class EfficientNetLite2(nn.Module):
    """Images (B, 3, S, S) in 0..1 -> features (B, C, S / 2^k, S / 2^k) for k = 1..5, with C from CHANNELS."""

    def __init__(self):
        super().__init__()
        self.stem = Convolution(3, STEM, 3, 2)
        stages, inputs = [], STEM
        for count, size, stride, expansion, outputs in STAGES:
            blocks = [Block(inputs, outputs, size, stride, expansion)]
            blocks += [Block(outputs, outputs, size, 1, expansion) for _ in range(count - 1)]
            stages.append(nn.Sequential(*blocks))
            inputs = outputs
        self.stages = nn.ModuleList(stages)

    def forward(self, images: Tensor) -> list[Tensor]:
        x = F.relu6(self.stem((images * 255 - 127) / 128))
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return [features[i] for i in TAPS]


def convert(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of efficientnet_lite_pytorch's file (`efficientnet-lite2-9656183e.pth`) under this module's names,
    batch normalisation folded in, without the classifier."""
    places = [f"stages.{i}.{k}" for i, stage in enumerate(STAGES) for k in range(stage[0])]
    parts = {"expand": "0", "depthwise": "1", "project": "2"}  # the normalisation that follows each convolution
    pairs = {"stem": ("_conv_stem", "_bn0")}
    for name in published:
        if match := re.fullmatch(r"(_blocks\.(\d+)\.)_(expand|depthwise|project)_conv\.weight", name):
            prefix, number, part = match.groups()
            pairs[f"{places[int(number)]}.{part}"] = f"{prefix}_{part}_conv", f"{prefix}_bn{parts[part]}"
    folded = {}
    for name, (convolution, norm) in pairs.items():
        mean, variance = published[f"{norm}.running_mean"], published[f"{norm}.running_var"]
        scale = published[f"{norm}.weight"] / (variance + EPSILON).sqrt()
        folded[f"{name}.weight"] = published[f"{convolution}.weight"] * scale[:, None, None, None]
        folded[f"{name}.bias"] = published[f"{norm}.bias"] - mean * scale
    return folded

# SPDX-License-Identifier: GPL-3.0-or-later
"""SparseNeuS's blending network: a point's colour is a learnt convex combination of its source pixels (IBRNet)."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def mlp(*widths: int, last: type[nn.Module] | None = nn.ELU) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ELU()]
    layers.pop()
    return nn.Sequential(*layers, *([last()] if last else []))


class BlendingNetwork(nn.Module):
    """Features (V, N, F), RGB first; ray differences (V, N, 4); masks (V, N); geometry (N, G) -> RGB (N, 3)."""

    def __init__(self, features: int = 59, geometry: int = 16):
        super().__init__()
        self.s = nn.Parameter(torch.tensor(0.2))
        self.ray_dir_fc = mlp(4, 16, features)
        self.base_fc = mlp(geometry + 3 * features, 64, 32)
        self.vis_fc = mlp(32, 32, 33)
        self.vis_fc2 = mlp(32, 32, 1, last=nn.Sigmoid)
        self.rgb_fc = mlp(37, 16, 8, 1, last=None)
        for part in (self.base_fc, self.vis_fc, self.vis_fc2, self.rgb_fc):
            for layer in part:
                if isinstance(layer, nn.Linear):
                    nn.init.kaiming_normal_(layer.weight)
                    nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor, ray_difference: Tensor, mask: Tensor, geometry: Tensor) -> Tensor:
        rgb, mask = features[..., :3], mask[..., None].float()
        features = features + self.ray_dir_fc(ray_difference)
        closeness = torch.exp(self.s.abs() * (ray_difference[..., 3:] - 1))
        weight = (closeness - closeness.amin(0)) * mask
        weight = weight / (weight.sum(0) + 1e-8)
        mean = (weight * features).sum(0)
        variance = (weight * (features - mean) ** 2).sum(0)
        shared = torch.cat([geometry, mean, variance], -1).expand(len(features), -1, -1)
        x = self.base_fc(torch.cat([shared, features], -1))
        residual, visible = self.vis_fc(x * weight).split([32, 1], -1)
        x = x + residual
        visible = self.vis_fc2(x * (visible.sigmoid() * mask)) * mask
        score = self.rgb_fc(torch.cat([x, visible, ray_difference], -1)).masked_fill(mask == 0, -1e9)
        return (F.softmax(score, 0) * rgb).sum(0)


def ray_difference(points: Tensor, target: Tensor, centres: Tensor) -> Tensor:
    """Unit difference and dot product of target and source ray directions (V, N, 4).

    points (N, 3); target: unit directions to the target viewer (N, 3); centres: of the source cameras (V, 3).
    """
    source = centres[:, None] - points
    source = source / (source.norm(dim=-1, keepdim=True) + 1e-6)
    difference = target - source
    difference = difference / difference.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    return torch.cat([difference, (target * source).sum(-1, keepdim=True)], -1)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Texture lookups as graphics cards do them: bilinear between texels, and in smaller copies of the texture where many
texels fall into one pixel (mipmaps, Williams 1983)."""

from __future__ import annotations

import torch
from torch import Tensor

from .cameras import Camera


def footprint(corners: Tensor, texels: Tensor, camera: Camera) -> Tensor:
    """Texels that a pixel covers, for a depth of 1, of faces (M, 3, 3) with texture coordinates (M, 3, 2) in texels.

    A piece of a plane takes focal length^2 x distance of the plane / depth^3 pixels per unit of area, so at depth d a
    pixel covers d^3 times as many texels. Returns (M,), infinite for a face that is seen edge-on.
    """
    a, b, c = (corners - camera.position).unbind(1)
    pixels = camera.focal**2 * (a * torch.cross(b, c, -1)).sum(-1).abs() / 2  # its area times the plane's distance
    (u, v), (s, t) = ((texels[:, i] - texels[:, 0]).unbind(-1) for i in (1, 2))
    return (u * t - v * s).abs() / 2 / pixels


def look_up(texture: Tensor, uv: Tensor, area: Tensor) -> Tensor:
    """Colours (K, C) of a texture (H, W, C), first row on top, at coordinates (K, 2) in 0..1, v up.

    area: texels that each lookup stands for (K,). The two copies of the texture whose texels are a little smaller and a
    little larger than that are mixed.
    """
    maps = texture.permute(2, 0, 1)[None]
    grid = torch.stack([uv[:, 0] * 2 - 1, 1 - uv[:, 1] * 2], -1)
    level = (area.clamp(min=1).log2() / 2).nan_to_num(posinf=torch.inf)
    colors = torch.zeros(len(uv), texture.shape[2], device=texture.device)
    largest = min(maps.shape[2:]).bit_length() - 1
    level = level.clamp(max=largest)
    for k in range(int(level.max().ceil()) + 1 if len(level) else 0):
        weight = (1 - (level - k).abs()).clamp(min=0)
        used = weight > 0
        found = torch.nn.functional.grid_sample(
            maps, grid[None, None, used], padding_mode="border", align_corners=False
        )
        colors[used] += found[0, :, 0].T * weight[used, None]
        if k < largest:
            maps = torch.nn.functional.avg_pool2d(maps, 2)
    return colors

# SPDX-License-Identifier: GPL-3.0-or-later
"""The visual hull: the largest solid consistent with all silhouettes (Laurentini 1994)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..rendering.cameras import Camera, project
from ..rendering.mesh import Mesh
from .marching_cubes import extract

MIN_ALPHA = 0.3  # of a solid point; parts thinner than a pixel are nowhere opaque


def visual_hull(
    alpha: Tensor, cameras: list[Camera], resolution: int = 96, half: float = 0.505, known: Tensor | None = None
) -> Mesh:
    """Carve the visual hull of alpha masks (V, H, W), 0..1, inside [-half, half]^3 -> white mesh, which may be empty.

    known: the pixels that count, bool (V, H, W), None: all. A camera does not constrain points outside its image, or
    unknown in it; points outside half of the images are not solid.
    """

    def min_alpha(points: Tensor) -> Tensor:
        lowest = torch.ones_like(points[:, 0])
        views = torch.zeros_like(points[:, 0])
        for number, (mask, camera) in enumerate(zip(alpha, cameras, strict=True)):
            pixels, depth = project(camera, points)
            grid = 2 * pixels / torch.tensor([camera.width, camera.height], device=points.device) - 1
            sampled = F.grid_sample(mask[None, None], grid[None, None], align_corners=False, padding_mode="border")
            in_image = (grid.abs() <= 1).all(1) & (depth > 0)
            if known is not None:
                nearest = F.grid_sample(known[None, None, number].float(), grid[None, None], "nearest", "border", False)
                in_image &= nearest[0, 0, 0] > 0.5
            lowest = torch.minimum(lowest, torch.where(in_image, sampled[0, 0, 0], 1.0))
            views = views + in_image
        inside = (points.abs() <= half).all(1) & (views >= len(cameras) / 2)
        return torch.where(inside, lowest, 0.0)

    edge = half * 1.02
    return Mesh(*extract(min_alpha, resolution, (-edge, edge), MIN_ALPHA, "positive", device=alpha.device))

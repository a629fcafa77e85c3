# SPDX-License-Identifier: GPL-3.0-or-later
"""The largest solid that no silhouette contradicts (Laurentini 1994)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..rendering.cameras import Camera, project
from ..rendering.mesh import Mesh
from .marching_cubes import extract

SOLID = 0.3  # the least alpha: what is thinner than a pixel is whole in no picture


def visual_hull(alpha: Tensor, cameras: list[Camera], resolution: int = 96, half: float = 0.505) -> Mesh:
    """Alpha (V, H, W), 0..1, with its cameras -> the hull's surface inside [-half, half]^3, white; perhaps empty.

    A camera says nothing about what it does not have in its picture, and what half of them do not have is not solid.
    """

    def solid(points: Tensor) -> Tensor:
        least, witnesses = torch.ones_like(points[:, 0]), torch.zeros_like(points[:, 0])
        for picture, camera in zip(alpha, cameras, strict=True):
            pixels, depth = project(camera, points)
            place = 2 * pixels / torch.tensor([camera.width, camera.height], device=points.device) - 1
            seen = F.grid_sample(picture[None, None], place[None, None], align_corners=False, padding_mode="border")
            told = (place.abs() <= 1).all(1) & (depth > 0)
            least, witnesses = torch.minimum(least, torch.where(told, seen[0, 0, 0], 1.0)), witnesses + told
        inside = (points.abs() <= half).all(1) & (witnesses >= len(cameras) / 2)
        return torch.where(inside, least, 0.0)

    edge = half * 1.02
    return Mesh(*extract(solid, resolution, (-edge, edge), SOLID, "positive", device=alpha.device))

# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of a point cloud in plain PyTorch, differentiable: each pixel sees its nearest few points, whose opacity
falls off with their distance from the pixel's centre (Wiles et al. 2020, SynSin; Make-It-3D, section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .cameras import Camera, project

PER_PIXEL = 8  # points, as released
CHUNK = 1 << 17  # points, from front to back, whose pixels are found at once
FALL, LEAST = 0.1, 1e-3  # of opacity: 1 - sqrt(FALL d^2 / r^2), and what stands under the root at least, as released


@dataclass
class Splats:
    """What the pixels see. index (H, W, K) int64: points, nearest first, -1 where there are no more; weight (H, W, K):
    each one's share of the pixel, opacity times the light that gets through those before it."""

    index: Tensor
    weight: Tensor

    @property
    def opacity(self) -> Tensor:
        """(H, W), 0..1."""
        return self.weight.sum(-1)

    def draw(self, features: Tensor) -> Tensor:
        """Features of the points (N, C) -> premultiplied (C, H, W); differentiable in features and weights."""
        height, width, count = self.index.shape
        seen = F.embedding_bag(
            self.index.clamp(min=0).view(-1, count),
            features,
            mode="sum",
            per_sample_weights=self.weight.to(features).view(-1, count),
        )
        return seen.view(height, width, -1).permute(2, 0, 1)


def splat(points: Tensor, camera: Camera, radius: float, per_pixel: int = PER_PIXEL) -> Splats:
    """points (N, 3), at least one, as discs of `radius`, a share of the picture's height; differentiable in points."""
    index = find_nearest(points.detach(), camera, radius, per_pixel)
    centre, _ = project(camera, points)
    rows, columns = (torch.arange(n, device=points.device) + 0.5 for n in (camera.height, camera.width))
    near = centre[index.clamp(min=0)]
    squares = (near[..., 0] - columns[None, :, None]) ** 2 + (near[..., 1] - rows[:, None, None]) ** 2
    alpha = 1 - (FALL * squares / (radius * camera.height) ** 2).clamp(LEAST, 1).sqrt()
    alpha = alpha * (index >= 0)
    through = torch.cumprod(1 - alpha, -1)
    return Splats(index, alpha * torch.cat([torch.ones_like(through[..., :1]), through[..., :-1]], -1))


def splat_scales(points: Tensor, camera: Camera, radius: float, scales: Sequence[int] = (1, 2, 4)) -> list[Splats]:
    """The same discs in pictures that are `scales` times smaller."""
    lens = [(camera.width // scale, camera.height // scale) for scale in scales]
    return [splat(points, Camera(camera.cam_to_world, camera.fov_deg, *size), radius) for size in lens]


@torch.no_grad()
def find_nearest(points: Tensor, camera: Camera, radius: float, per_pixel: int) -> Tensor:
    """(H, W, per_pixel) int64: the points in front of the camera whose disc holds a pixel's centre, nearest first and
    at one depth in their order; -1 where there are no more."""
    reach, pixels = radius * camera.height, camera.width * camera.height
    centre, depth = project(camera, points)
    size = torch.tensor([camera.width, camera.height], device=points.device)
    shown = (depth > 0) & ((centre > -reach) & (centre < size + reach)).all(-1)
    order = shown.nonzero()[:, 0]
    order = order[depth[order].argsort(stable=True)]
    index = torch.full((pixels, per_pixel), -1, device=points.device)
    count = torch.zeros(pixels, dtype=torch.int64, device=points.device)
    for part in order.split(CHUNK):
        pixel, place = _covered(centre[part], reach, camera)
        free = count[pixel] < per_pixel
        pixel, owner = pixel[free], part[place[free]]
        pixel, sequence = pixel.to(torch.int32).sort(stable=True)  # keeps the points of a pixel from near to far
        pixel, owner, found = pixel.long(), owner[sequence], torch.bincount(pixel, minlength=pixels)
        rank = torch.arange(len(pixel), device=points.device) - (found.cumsum(0) - found)[pixel] + count[pixel]
        wanted = rank < per_pixel
        index[pixel[wanted], rank[wanted]] = owner[wanted]
        count += found
    return index.view(camera.height, camera.width, per_pixel)


def _covered(centre: Tensor, reach: float, camera: Camera) -> tuple[Tensor, Tensor]:
    """Pixels (P,) whose centres lie within `reach` pixels of discs' centres (M, 2), and the disc of each (P,), discs
    ascending."""
    side = torch.arange(int(2 * reach) + 1, device=centre.device)
    first = (centre - reach - 0.5).ceil()
    column, row = first[:, :1] + side, first[:, 1:] + side
    across = torch.where((column >= 0) & (column < camera.width), (column + 0.5 - centre[:, :1]) ** 2, torch.inf)
    down = torch.where((row >= 0) & (row < camera.height), (row + 0.5 - centre[:, 1:]) ** 2, torch.inf)
    disc, i, j = (down[:, :, None] + across[:, None] <= reach**2).nonzero(as_tuple=True)
    return (row[disc, i] * camera.width + column[disc, j]).long(), disc

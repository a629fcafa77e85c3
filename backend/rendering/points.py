# SPDX-License-Identifier: GPL-3.0-or-later
"""Differentiable point splatting in plain PyTorch: a pixel composites its nearest few points, whose opacity falls off
with their distance from the pixel centre (Wiles et al. 2020, SynSin; Make-It-3D, section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .cameras import Camera, project

PER_PIXEL = 8  # points, as released
CHUNK = 1 << 17  # points rasterised at once, front to back
FALLOFF = 0.1  # opacity is 1 - sqrt(FALLOFF d^2 / r^2), as released
MIN_FALLOFF = 1e-3  # lower bound under the root, as released


@dataclass
class Splats:
    """The K nearest points of every pixel."""

    index: Tensor  # (H, W, K) int64 point indices, nearest first, padded with -1
    weight: Tensor  # (H, W, K) compositing weights, transmittance x opacity

    @property
    def opacity(self) -> Tensor:
        """(H, W), 0..1."""
        return self.weight.sum(-1)

    def composite(self, features: Tensor) -> Tensor:
        """Composite the points' features (N, C) -> premultiplied (C, H, W). Differentiable in features and weights."""
        height, width, count = self.index.shape
        image = F.embedding_bag(
            self.index.clamp(min=0).view(-1, count),
            features,
            mode="sum",
            per_sample_weights=self.weight.to(features).view(-1, count),
        )
        return image.view(height, width, -1).permute(2, 0, 1)


def splat(points: Tensor, camera: Camera, radius: float, per_pixel: int = PER_PIXEL) -> Splats:
    """Splat points (N, 3), N >= 1, as discs of `radius`, in image heights. Differentiable in points."""
    index = rasterise_points(points.detach(), camera, radius, per_pixel)
    centre, _ = project(camera, points)
    rows, columns = (torch.arange(n, device=points.device) + 0.5 for n in (camera.height, camera.width))
    near = centre[index.clamp(min=0)]
    squares = (near[..., 0] - columns[None, :, None]) ** 2 + (near[..., 1] - rows[:, None, None]) ** 2
    alpha = 1 - (FALLOFF * squares / (radius * camera.height) ** 2).clamp(MIN_FALLOFF, 1).sqrt()
    alpha = alpha * (index >= 0)
    through = torch.cumprod(1 - alpha, -1)
    return Splats(index, alpha * torch.cat([torch.ones_like(through[..., :1]), through[..., :-1]], -1))


def splat_scales(points: Tensor, camera: Camera, radius: float, scales: Sequence[int] = (1, 2, 4)) -> list[Splats]:
    """Splat points (N, 3) into images that are `scales` times smaller."""
    sizes = [(camera.width // scale, camera.height // scale) for scale in scales]
    return [splat(points, Camera(camera.cam_to_world, camera.fov_deg, *size), radius) for size in sizes]


@torch.no_grad()
def rasterise_points(points: Tensor, camera: Camera, radius: float, per_pixel: int) -> Tensor:
    """Find the points (N, 3) whose disc covers each pixel centre -> indices (H, W, per_pixel) int64, padded with -1.

    Nearest first; points at equal depth keep their order. Points behind the camera are dropped.
    """
    reach = radius * camera.height
    pixels = camera.width * camera.height
    centre, depth = project(camera, points)
    size = torch.tensor([camera.width, camera.height], device=points.device)
    shown = (depth > 0) & ((centre > -reach) & (centre < size + reach)).all(-1)
    order = shown.nonzero()[:, 0]
    order = order[depth[order].argsort(stable=True)]
    index = torch.full((pixels, per_pixel), -1, device=points.device)
    count = torch.zeros(pixels, dtype=torch.int64, device=points.device)
    for part in order.split(CHUNK):
        pixel, disc = _covered_pixels(centre[part], reach, camera)
        free = count[pixel] < per_pixel
        pixel, owner = pixel[free], part[disc[free]]
        pixel, order = pixel.to(torch.int32).sort(stable=True)  # keeps the points of a pixel from near to far
        pixel, owner = pixel.long(), owner[order]
        added = torch.bincount(pixel, minlength=pixels)
        rank = torch.arange(len(pixel), device=points.device) - (added.cumsum(0) - added)[pixel] + count[pixel]
        kept = rank < per_pixel
        index[pixel[kept], rank[kept]] = owner[kept]
        count += added
    return index.view(camera.height, camera.width, per_pixel)


def _covered_pixels(centre: Tensor, reach: float, camera: Camera) -> tuple[Tensor, Tensor]:
    """Flat indices (P,) of the pixels within `reach` pixels of disc centres (M, 2), and their discs (P,), ascending."""
    side = torch.arange(int(2 * reach) + 1, device=centre.device)
    first = (centre - reach - 0.5).ceil()
    column, row = first[:, :1] + side, first[:, 1:] + side
    across = torch.where((column >= 0) & (column < camera.width), (column + 0.5 - centre[:, :1]) ** 2, torch.inf)
    down = torch.where((row >= 0) & (row < camera.height), (row + 0.5 - centre[:, 1:]) ** 2, torch.inf)
    disc, i, j = (down[:, :, None] + across[:, None] <= reach**2).nonzero(as_tuple=True)
    return (row[disc, i] * camera.width + column[disc, j]).long(), disc

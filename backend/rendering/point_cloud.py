# SPDX-License-Identifier: GPL-3.0-or-later
"""A textured point cloud grown from the reference view: each view adds the surface that no earlier view shows
(Make-It-3D, section 3.3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .cameras import Camera, pixel_centres, project

DEPTH_TOLERANCE = 1.0  # pixel heights at that depth; 1 / H in the released code's units
MAX_SLOPE = 8.0  # change of depth within 3 x 3 pixels, in pixel heights; more is an edge, where colours mix
PIXELS_PER_MARGIN = 80  # image height per pixel of margin at the silhouette; the reference has twice the margin


@dataclass
class View:
    """An image with depth."""

    camera: Camera
    color: Tensor  # (H, W, 3), 0..1
    depth: Tensor  # (H, W) along the viewing axis
    mask: Tensor  # (H, W) bool, the object's pixels, where depth is finite


@dataclass
class PointCloud:
    """Coloured points in the order of the views that they came from."""

    points: Tensor  # (N, 3)
    colors: Tensor  # (N, 3), 0..1
    view: Tensor  # (N,) int64, index of the view, ascending

    @property
    def reference_count(self) -> int:
        """Number of points from the reference view, which come first."""
        return int((self.view == 0).sum())


def build_point_cloud(views: Sequence[View]) -> PointCloud:
    """Build the cloud from views in order of priority, the reference first."""
    earlier: list[View] = []
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    for number, view in enumerate(reliable_views(views)):
        points, colors = back_project(view), view.color[view.mask]
        new = torch.ones(len(points), dtype=torch.bool, device=points.device)
        for other in earlier:
            new &= ~is_visible(other, points)
        parts.append((points[new], colors[new], torch.full((int(new.sum()),), number, device=points.device)))
        earlier.append(view)
    return PointCloud(*(torch.cat(part) for part in zip(*parts, strict=True)))


def reliable_views(views: Sequence[View]) -> Iterator[View]:
    """Mask out the silhouette's margin, twice as wide in the reference, and depth edges."""
    for number, view in enumerate(views):
        yield reliable_view(view, max(1, round(view.camera.height / PIXELS_PER_MARGIN)) * (1 if number else 2))


def reliable_view(view: View, margin: int) -> View:
    """Mask out `margin` pixels inside the silhouette, and depth edges."""
    inside = ~dilate(~view.mask, margin)
    far, near = local_maximum(view.depth, inside), -local_maximum(-view.depth, inside)
    smooth = far - near <= MAX_SLOPE * view.depth / view.camera.focal
    return View(view.camera, view.color, view.depth, inside & smooth)


def back_project(view: View) -> Tensor:
    """World points (N, 3) of the N pixels in a view's mask, row by row."""
    camera = view.camera
    pixels = pixel_centres(view.camera)[view.mask.view(-1)]
    depth = view.depth[view.mask]
    x = (pixels[:, 0] - camera.width / 2) / camera.focal
    y = (camera.height / 2 - pixels[:, 1]) / camera.focal
    local = torch.stack([x, y, -torch.ones_like(x)], -1) * depth[:, None]
    return local @ camera.cam_to_world[:3, :3].T + camera.position


def is_visible(view: View, points: Tensor) -> Tensor:
    """bool (N,): whether points (N, 3) project into the view's mask and are not behind its depth."""
    pixel, depth = project(view.camera, points)
    column, row = pixel.floor().nan_to_num(-1).long().unbind(-1)
    within = (depth > 0) & (column >= 0) & (column < view.camera.width) & (row >= 0) & (row < view.camera.height)
    column, row = column.clamp(0, view.camera.width - 1), row.clamp(0, view.camera.height - 1)
    limit = local_maximum(view.depth, view.mask)[row, column]  # a steep surface changes much within a pixel
    return within & view.mask[row, column] & (depth <= limit + DEPTH_TOLERANCE * depth / view.camera.focal)


def dilate(mask: Tensor, by: int) -> Tensor:
    """Morphological dilation of a mask (H, W) by a square of `by` pixels on each side, with zero padding."""
    return F.max_pool2d(mask[None, None].float(), 2 * by + 1, 1, by)[0, 0] > 0


def local_maximum(values: Tensor, mask: Tensor) -> Tensor:
    """Maximum of the masked values within 3 x 3 pixels (H, W)."""
    return F.max_pool2d(values.where(mask, -torch.inf)[None, None], 3, 1, 1)[0, 0]

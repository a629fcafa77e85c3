# SPDX-License-Identifier: GPL-3.0-or-later
"""A textured point cloud, built outward from the reference view: every view adds what no earlier one saw
(Make-It-3D, section 3.3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .cameras import Camera, pixel_centres, project

TOLERANCE = 1.0  # of a point behind what its view saw, in heights of a pixel there: 1 / H in the released code's units
STEEPEST = 8.0  # change of depth within 3 x 3 pixels, in pixels there: more is an edge, where colours are mixed
MARGIN = 80  # of a view's outline, one pixel in so many, is not trusted; of the reference's, twice that


@dataclass
class View:
    """A picture with depth. color (H, W, 3), 0..1; depth (H, W) along the viewing axis; mask (H, W), bool: where the
    object is, and its depth finite."""

    camera: Camera
    color: Tensor
    depth: Tensor
    mask: Tensor


@dataclass
class PointCloud:
    """points (N, 3); colors (N, 3), 0..1; view (N,) int64, the number of the view that each came from, ascending."""

    points: Tensor
    colors: Tensor
    view: Tensor

    @property
    def references(self) -> int:
        """How many points, the first ones, are the reference view's."""
        return int((self.view == 0).sum())


def grow(views: Sequence[View]) -> PointCloud:
    """The cloud of views in the order in which they count, the reference first."""
    seen: list[View] = []
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    for number, view in enumerate(trusted(views)):
        points, colors = back_project(view), view.color[view.mask]
        fresh = ~torch.stack([sees(v, points) for v in seen]).any(0) if seen else torch.ones(len(points)).bool()
        fresh = fresh.to(points.device)
        parts.append((points[fresh], colors[fresh], torch.full((int(fresh.sum()),), number, device=points.device)))
        seen.append(view)
    return PointCloud(*(torch.cat(part) for part in zip(*parts, strict=True)))


def trusted(views: Sequence[View]) -> Iterator[View]:
    """The views without the rim of the object, or more of it in the reference, and without edges of depth."""
    for number, view in enumerate(views):
        yield trust(view, max(1, round(view.camera.height / MARGIN)) * (1 if number else 2))


def trust(view: View, margin: int) -> View:
    """A view without `margin` pixels of the object's rim, and without edges of depth."""
    inside = ~grown(~view.mask, margin)
    far, near = largest(view.depth, inside), -largest(-view.depth, inside)
    smooth = far - near <= STEEPEST * view.depth / view.camera.focal
    return View(view.camera, view.color, view.depth, inside & smooth)


def back_project(view: View) -> Tensor:
    """The points (N, 3) of the world that a view shows at the N pixels of its mask, row by row."""
    camera, pixels = view.camera, pixel_centres(view.camera)[view.mask.view(-1)]
    depth = view.depth[view.mask]
    x = (pixels[:, 0] - camera.width / 2) / camera.focal
    y = (camera.height / 2 - pixels[:, 1]) / camera.focal
    local = torch.stack([x, y, -torch.ones_like(x)], -1) * depth[:, None]
    return local @ camera.cam_to_world[:3, :3].T + camera.position


def sees(view: View, points: Tensor) -> Tensor:
    """bool (N,): which points (N, 3) lie within the view's mask and not behind what it shows there."""
    pixel, depth = project(view.camera, points)
    column, row = pixel.floor().nan_to_num(-1).long().unbind(-1)
    within = (depth > 0) & (column >= 0) & (column < view.camera.width) & (row >= 0) & (row < view.camera.height)
    column, row = column.clamp(0, view.camera.width - 1), row.clamp(0, view.camera.height - 1)
    limit = largest(view.depth, view.mask)[row, column]  # a steep surface changes much within a pixel
    return within & view.mask[row, column] & (depth <= limit + TOLERANCE * depth / view.camera.focal)


def grown(mask: Tensor, by: int) -> Tensor:
    """A mask (H, W) and all within `by` pixels of it, along rows and columns alike; nothing from outside."""
    return F.max_pool2d(mask[None, None].float(), 2 * by + 1, 1, by)[0, 0] > 0


def largest(values: Tensor, mask: Tensor) -> Tensor:
    """The largest value (H, W) within 3 x 3 pixels, of those in the mask."""
    return F.max_pool2d(values.where(mask, -torch.inf)[None, None], 3, 1, 1)[0, 0]

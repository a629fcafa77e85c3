# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a surface point's colour can be read in an image of the mesh: hidden points, grazing angles and what lies
close behind an edge cannot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from ..rendering.cameras import Camera, project
from ..rendering.mesh import Mesh
from ..rendering.rasteriser import Raster, rasterise

SIZE = 512  # pixels a side in which hidden points are found
FACING = (0.07, 0.22)  # cosines between normal and view from which on a colour counts, and counts fully
TURNED = (0.0, 0.1)  # the same for the mean of the faces around, which tells the front of thin parts from their back
SPECK = 2  # pixels: half the width of spots that face the camera but are too small to be shown by themselves
STEP = 16.0  # change of the surface's slope from pixel to pixel, in pixels of depth, that is a step and no fold
MARGIN = 0.012  # of the image's side: a colour so far behind a step counts fully, and half as far not at all
SLACK = 1.5  # pixels of depth behind the surface that are visible


@dataclass
class Visibility:
    """A mesh in a camera's view: which of its points are seen, and how well."""

    camera: Camera  # SIZE x SIZE pixels
    farthest: Tensor  # (SIZE, SIZE) depth up to which points are visible
    share: Tensor  # (SIZE, SIZE), 0..1, how reliable a colour is here

    @classmethod
    def of(cls, mesh: Mesh, camera: Camera, size: int = SIZE) -> Visibility:
        """Rasterise the mesh in a camera's view."""
        camera = Camera(camera.cam_to_world, camera.fov_deg, size, size)
        device = camera.cam_to_world.device
        vertices, faces = torch.from_numpy(mesh.vertices).to(device), torch.from_numpy(mesh.faces).long().to(device)
        raster = rasterise(vertices, faces, camera)
        depth = without_pinholes(raster.depth)
        deepest = depth.where(depth.isfinite(), -torch.inf)  # a steep surface changes much within a pixel
        farthest = F.max_pool2d(deepest[None, None], 3, 1, 1)[0, 0] * (1 + SLACK / camera.focal)
        share = facing_share(raster, vertices[faces], camera) * share_behind_steps(depth, camera)
        return cls(camera, farthest, share)

    def at(self, points: Tensor, normals: Tensor) -> Tensor:
        """Shares (N,), 0..1, of points (N, 3) with unit normals (N, 3)."""
        pixel, depth = project(self.camera, points)
        grid = (pixel * 2 / self.camera.width - 1).nan_to_num(-2)[None, None]
        share = F.grid_sample(self.share[None, None], grid, padding_mode="zeros", align_corners=False)[0, 0, 0]
        column, row = pixel.nan_to_num(-1).floor().long().clamp(0, self.camera.width - 1).unbind(-1)
        visible = (depth > 0) & (depth <= self.farthest[row, column])
        to_camera = F.normalize(self.camera.position - points, dim=1)
        return share * visible * ramp((normals * to_camera).sum(1), *TURNED)


def facing_share(raster: Raster, corners: Tensor, camera: Camera) -> Tensor:
    """Share (H, W) by the angle between a pixel's face, of corners (M, 3, 3), and the view. Corners' normals, which
    are means, do not show that a triangle is stretched across a step. Background counts as its nearest pixel."""
    a, b, c = corners.unbind(1)
    normal = F.normalize(torch.cross(b - a, c - a, dim=-1), dim=1, eps=1e-20)
    cosine = (normal * F.normalize(camera.position - corners.mean(1), dim=1)).sum(1)
    seen = raster.face >= 0
    angles = cosine[raster.face.clamp(min=0)].where(seen, torch.nan)
    angles[seen] = neighbourhoods(angles, torch.nan)[:, seen.view(-1)].nanmedian(0).values  # slivers are inexact
    share = without_specks(ramp(angles.nan_to_num(), *FACING), seen)
    weight = F.avg_pool2d(torch.stack([share, seen.float()])[None], 3, 1, 1)[0]
    return weight[0] / weight[1].clamp(min=1e-6)


def without_specks(share: Tensor, seen: Tensor) -> Tensor:
    """Shares (H, W) of the pixels that are seen, 0 elsewhere, without what is high in narrow spots amid low ones: a
    morphological opening, in which the background does not count."""
    side = 2 * SPECK + 1
    low = -F.max_pool2d(-share.where(seen, torch.inf)[None, None], side, 1, SPECK)
    return F.max_pool2d(low.where(seen, 0.0), side, 1, SPECK)[0, 0].minimum(share) * seen


def share_behind_steps(depth: Tensor, camera: Camera) -> Tensor:
    """Share (H, W) by the distance to the nearest step of depth (H, W): 0 close behind its edge, where the image may
    show the part in front, 1 from MARGIN on and in front of it.

    1 / depth is linear in the pixels of a plane, so its second difference is 0 there, however steep the plane is; at a
    step it is positive on the far side and negative on the near one.
    """
    inverse, behind = 1 / depth, torch.zeros_like(depth, dtype=torch.bool)
    for axis in (0, 1):
        before, after = inverse.roll(1, axis), inverse.roll(-1, axis)
        bend = (before + after - 2 * inverse) * depth**2
        behind |= (bend > STEP * depth / camera.focal) & (before > 0) & (inverse > 0) & (after > 0)
    if not behind.any():
        return torch.ones_like(depth)
    distance, nearest = distance_transform_edt(~behind.cpu().numpy(), return_indices=True)  # pyright: ignore
    row, column = torch.from_numpy(np.asarray(nearest)).long().to(depth.device)
    in_front = inverse - inverse[row, column] > STEP / 2 * inverse / camera.focal
    away = torch.from_numpy(distance).to(depth)
    share = ramp(away, MARGIN * camera.width / 2, MARGIN * camera.width)
    return torch.where(in_front & (away > 1.5), 1.0, share)  # the edge's own pixels show both


def without_pinholes(depth: Tensor) -> Tensor:
    """Depths (H, W) no farther than the median of 3 x 3 pixels: now and then a ray slips through a narrow triangle."""
    return depth.minimum(neighbourhoods(depth, torch.inf).median(0).values.view_as(depth))


def neighbourhoods(values: Tensor, outside: float) -> Tensor:
    """The 3 x 3 pixels around each of (H, W): (9, H * W)."""
    padded = F.pad(values[None, None], (1, 1, 1, 1), value=outside)
    height, width = values.shape
    shifted = [padded[0, 0, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return torch.stack(shifted).view(9, -1)


def ramp(values: Tensor, low: float, high: float) -> Tensor:
    """0 up to `low`, 1 from `high` on, and smooth in between."""
    t = ((values - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)

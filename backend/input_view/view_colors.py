# SPDX-License-Identifier: GPL-3.0-or-later
"""Back-projection of images onto a mesh: every surface point takes its colour from the views that face it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..meshing.texture import Colors
from ..rendering.cameras import Camera, project
from ..rendering.mesh import Mesh
from ..rendering.point_cloud import View, dilate, is_visible, local_maximum
from ..rendering.rasteriser import rasterise
from ..runtime.images import to_bytes

SHARPNESS = 4  # exponent of the cosine between normal and view, so that the best views dominate
FACING = (0.05, 0.2)  # cosines where the reference starts to count, and where it alone counts
DILATION = 2  # pixels
OWN_WEIGHT = 1e-3  # of a point's own colour, which decides where no view sees the point
CHUNK = 1 << 18  # points at once


def view_with_depth(mesh: Mesh, camera: Camera, color: Tensor) -> View:
    """Add the mesh's depth to an image (H, W, 3) of it."""
    device = color.device
    vertices, faces = torch.from_numpy(mesh.vertices).to(device), torch.from_numpy(mesh.faces).long().to(device)
    raster = rasterise(vertices, faces, camera.to(device))
    return View(camera.to(device), color, raster.depth, raster.face >= 0)


def blend_views(points: Tensor, normals: Tensor, own: Tensor, views: Sequence[View]) -> Tensor:
    """Blend the views' colours at points (N, 3) with unit normals (N, 3) and `own` colours (N, 3) -> (N, 3).

    Points that the first view, the reference, shows take its colour, or keep their own where the reference is
    unreliable, as at its silhouette. The other views, weighted by cosine ** 4, colour the rest.
    """
    total, weight = own * OWN_WEIGHT, torch.full_like(own[:, :1], OWN_WEIGHT)
    for view in views[1:]:
        color, facing = sample_view(view, points, normals)
        share = facing.clamp(min=0)[:, None] ** SHARPNESS
        total, weight = total + share * color, weight + share
    blended = total / weight
    color, reliable = sample_view(views[0], points, normals)
    color = torch.where(reliable[:, None] > 0, color, own)
    _, facing = sample_view(complete(views[0]), points, normals)
    return torch.lerp(blended, color, ((facing - FACING[0]) / (FACING[1] - FACING[0])).clamp(0, 1)[:, None])


def complete(view: View) -> View:
    """The view with every pixel that shows the object, reliable or not, dilated by DILATION pixels around and behind,
    because half-hidden faces are drawn with the colours of all their corners."""
    mask = view.depth.isfinite()
    depth = local_maximum(view.depth, mask) * (1 + DILATION / view.camera.focal)
    return replace(view, depth=depth, mask=dilate(mask, DILATION))


def sample_view(view: View, points: Tensor, normals: Tensor) -> tuple[Tensor, Tensor]:
    """The view's colours (N, 3) at points, and the cosines (N,) between normals and view; 0 for invisible points."""
    pixel, _ = project(view.camera, points)
    size = torch.tensor([view.camera.width, view.camera.height], device=points.device)
    mask = view.mask[..., None].float()
    maps = torch.cat([view.color * mask, mask], -1).permute(2, 0, 1)[None]
    grid = (pixel * 2 / size - 1).nan_to_num(-2)[None, None]
    sampled = F.grid_sample(maps, grid, padding_mode="zeros", align_corners=False)[0, :, 0].T
    to_camera = F.normalize(view.camera.position - points, dim=1)
    facing = (normals * to_camera).sum(1) * is_visible(view, points)
    return sampled[:, :3] / sampled[:, 3:].clamp(min=1e-6), facing


def blended_colors(views: Sequence[View], own: Colors) -> Colors:
    """Colours for a texture: `blend_views` over the colours from `own`."""
    device = views[0].color.device

    def colors(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        rows = np.concatenate([points, normals, own(points, normals)], 1)
        parts = torch.from_numpy(rows.astype(np.float32)).to(device).split(CHUNK)
        blended = [blend_views(part[:, :3], part[:, 3:6], part[:, 6:], views) for part in parts]
        return torch.cat(blended).cpu().numpy()

    return colors


def paint_vertices(mesh: Mesh, colors: Colors) -> Mesh:
    """Colour the mesh's vertices."""
    rgba = mesh.vertex_colors.copy()
    rgba[:, :3] = to_bytes(colors(mesh.vertices, mesh.vertex_normals))
    return Mesh(mesh.vertices, mesh.faces, rgba, mesh.uv, mesh.texture)

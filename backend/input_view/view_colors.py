# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of a mesh brought back to its surface: every place takes its colour from the views that face it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..rendering.cameras import Camera, project
from ..rendering.mesh import Mesh
from ..rendering.point_cloud import View, grown, largest, sees
from ..rendering.rasteriser import rasterise

Colors = Callable[[np.ndarray, np.ndarray], np.ndarray]  # points (K, 3), unit normals (K, 3) -> sRGB 0..1 (K, 3)

SHARPNESS = 4  # power of the cosine between normal and view: the views that see a place best decide
FACING = (0.05, 0.2)  # cosine from which, and beyond which, no other view paints over what the reference shows
BESIDE = 2  # pixels
FAINT = 1e-3  # weight of a place's own colour, which is left where no view looks
CHUNK = 1 << 18  # points at once


def mesh_view(mesh: Mesh, camera: Camera, color: Tensor) -> View:
    """A picture (H, W, 3) that shows the mesh from a camera, with the mesh's depth."""
    device = color.device
    vertices, faces = torch.from_numpy(mesh.vertices).to(device), torch.from_numpy(mesh.faces).long().to(device)
    raster = rasterise(vertices, faces, camera.to(device))
    return View(camera.to(device), color, raster.depth, raster.face >= 0)


def blend(points: Tensor, normals: Tensor, own: Tensor, views: Sequence[View]) -> Tensor:
    """Colours (N, 3) of points (N, 3) with unit normals and `own` colours (N, 3), where views show them.

    The first view is the reference: what it shows takes its colour as it is, or keeps its own where the reference is
    not trusted, as at its rim. The others, weighed by cosine ** 4, tell of the rest.
    """
    total, weight = own * FAINT, torch.full_like(own[:, :1], FAINT)
    for view in views[1:]:
        color, facing = look_up(view, points, normals)
        share = facing.clamp(min=0)[:, None] ** SHARPNESS
        total, weight = total + share * color, weight + share
    blended = total / weight
    color, trusted = look_up(views[0], points, normals)
    color = torch.where(trusted[:, None] > 0, color, own)
    _, facing = look_up(whole(views[0]), points, normals)
    return torch.lerp(blended, color, ((facing - FACING[0]) / (FACING[1] - FACING[0])).clamp(0, 1)[:, None])


def whole(view: View) -> View:
    """The view with all that it shows, trusted or not; and what lies around and behind the visible by BESIDE pixels:
    faces that are half hidden are drawn with the colours of all their corners."""
    mask = view.depth.isfinite()
    depth = largest(view.depth, mask) * (1 + BESIDE / view.camera.focal)
    return replace(view, depth=depth, mask=grown(mask, BESIDE))


def look_up(view: View, points: Tensor, normals: Tensor) -> tuple[Tensor, Tensor]:
    """The view's colour (N, 3) at points, and the cosine (N,) between normals and view; 0 for what it does not see."""
    pixel, _ = project(view.camera, points)
    size = torch.tensor([view.camera.width, view.camera.height], device=points.device)
    mask = view.mask[..., None].float()
    maps = torch.cat([view.color * mask, mask], -1).permute(2, 0, 1)[None]
    place = (pixel * 2 / size - 1).nan_to_num(-2)[None, None]
    found = F.grid_sample(maps, place, padding_mode="zeros", align_corners=False)[0, :, 0].T
    towards = F.normalize(view.camera.position - points, dim=1)
    facing = (normals * towards).sum(1) * sees(view, points)
    return found[:, :3] / found[:, 3:].clamp(min=1e-6), facing


def colors_from(views: Sequence[View], own: Colors) -> Colors:
    """What a texture asks for: `blend` of these views over the colours that there were."""
    device = views[0].color.device

    def colors(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        told = np.concatenate([points, normals, own(points, normals)], 1)
        parts = torch.from_numpy(told.astype(np.float32)).to(device).split(CHUNK)
        found = [blend(part[:, :3], part[:, 3:6], part[:, 6:], views) for part in parts]
        return torch.cat(found).cpu().numpy()

    return colors


def paint(mesh: Mesh, colors: Colors) -> Mesh:
    """The mesh with these colours at its vertices."""
    rgba = mesh.vertex_colors.copy()
    rgba[:, :3] = (colors(mesh.vertices, mesh.vertex_normals).clip(0, 1) * 255 + 0.5).astype(np.uint8)
    return Mesh(mesh.vertices, mesh.faces, rgba, mesh.uv, mesh.texture)

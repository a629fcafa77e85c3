# SPDX-License-Identifier: GPL-3.0-or-later
"""Constraints from the input view on a reconstruction from generated views: the silhouette and the front's colours.

Generated views only approximate both.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import distance_transform_edt, gaussian_filter
from torch import Tensor

from ..meshing.texture import Colors
from ..rendering.cameras import Camera, project, rays
from ..rendering.mesh import Mesh
from ..rendering.rasteriser import rasterise
from .view_colors import paint_vertices

Field = Callable[[Tensor], Tensor]
INPUT_VIEW_SIZE = 512  # pixels per side of the framed image
RAYS = 64  # per side, through the silhouette
SAMPLES = 56  # per ray
THICKNESS = 0.7  # half thickness of a missing part, in distances to the silhouette...
MAX_THICKNESS = 0.08  # ...but at most this, in world units
BLUR = 1.5  # rays; standard deviation for the depth of missing parts
FAR = 9.0  # world units, beyond every part of an object
OCCLUSION_TOLERANCE = 0.02  # world units behind the first surface that still count as visible
FACING = (0.2, 0.5)  # cosines between normal and view where the image's colour starts to count, and counts fully


@dataclass
class InputView:
    """The input image, framed around the object, and its camera in world coordinates."""

    rgba: Tensor  # float32 (S, S, 4), straight alpha
    camera: Camera  # S x S pixels

    @classmethod
    def from_framed(cls, rgba: Tensor, cam_to_world: Tensor, fov_deg: float, zoom: float) -> InputView:
        """An input view whose framing magnified the image of camera (cam_to_world, fov_deg) by `zoom`."""
        fov = 2 * math.degrees(math.atan(math.tan(math.radians(fov_deg) / 2) / zoom))
        return cls(rgba, Camera(cam_to_world, fov, rgba.shape[0], rgba.shape[1]).to(rgba.device))

    def silhouette_distance(self) -> Tensor:
        """Signed distance (S, S) to the silhouette in pixels, positive inside."""
        alpha = self.rgba[..., 3].cpu().numpy() >= 0.5
        inside, outside = (torch.from_numpy(np.asarray(distance_transform_edt(a))) for a in (alpha, ~alpha))
        return (inside - outside).to(self.rgba)

    def sample(self, maps: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """Sample maps (S', S', C) of any size at the projections of world points (N, 3) -> (N, C); depths (N,)."""
        pixel, depth = project(self.camera, points)
        grid = pixel * 2 / torch.tensor([self.camera.width, self.camera.height], device=points.device) - 1
        maps = maps.permute(2, 0, 1)[None]
        return F.grid_sample(maps, grid[None, None], padding_mode="border", align_corners=False)[0, :, 0].T, depth


def match_silhouette(field: Field, view: InputView, reach: float) -> Field:
    """Constrain a signed distance field, points (N, 3) -> (N,) in world units, to the input view's silhouette.

    Everything outside the silhouette is removed (the visual hull of a single view, Laurentini 1994). Where a ray inside
    the silhouette misses the surface, a sheet is added at the depth of the field's minimum, about as thick as the part
    is wide. reach: radius of the object around the origin.
    """
    silhouette = view.silhouette_distance()[..., None]
    depth, missing = find_missing(field, view, silhouette, reach)
    maps = torch.stack([depth, missing], -1)

    def constrained(points: Tensor) -> Tensor:
        inside, z = view.sample(silhouette, points)
        inside = inside[:, 0] * z / view.camera.focal
        depth, missing = view.sample(maps, points)[0].unbind(-1)
        sheet = (z - depth).abs() - (THICKNESS * inside).clamp(max=MAX_THICKNESS)
        sheet = torch.where((inside > 0) & (missing > 0.3), sheet, FAR)
        return torch.maximum(torch.minimum(field(points), sheet), -inside)

    return constrained


def find_missing(field: Field, view: InputView, silhouette: Tensor, reach: float) -> tuple[Tensor, Tensor]:
    """Find the parts of the silhouette without a surface behind them -> depth and mask, each (RAYS, RAYS).

    depth: where the field is least along each ray, smoothed. mask: 1 where a ray inside the silhouette misses the
    surface, slightly smoothed.
    """
    coarse = Camera(view.camera.cam_to_world, view.camera.fov_deg, RAYS, RAYS)
    origin, direction = rays(coarse)
    distance = origin[0].norm()
    t = torch.linspace(float(distance) - reach, float(distance) + reach, SAMPLES, device=origin.device)
    points = origin[:, None] + direction[:, None] * t[:, None]
    margin = view.sample(silhouette, points[:, SAMPLES // 2])[0][:, 0]
    needed = margin > -2 * BLUR * view.camera.width / RAYS  # the blur takes hardly anything from farther out
    values = torch.full((RAYS * RAYS, SAMPLES), FAR, device=origin.device)
    values[needed] = field(points[needed].reshape(-1, 3)).view(-1, SAMPLES)
    least = values.amin(1)
    z = project(coarse, points)[1]
    expected = (torch.softmax(-values / 0.01, 1) * z).sum(1)
    confidence = torch.exp(-least.clamp(min=0) / 0.02)
    unmatched = ((least > 0) & (margin > 0)).float()
    smooth, weight, missing = (
        torch.from_numpy(gaussian_filter(x.view(RAYS, RAYS).cpu().numpy(), blur)).to(values)
        for x, blur in ((expected * confidence, BLUR), (confidence, BLUR), (unmatched, 0.5))
    )
    return smooth / weight.clamp(min=1e-6), missing


def paint_front(mesh: Mesh, view: InputView) -> Mesh:
    """Colour the vertices that the input view shows from it; others, and those at grazing angles, keep their colour."""
    own = mesh.vertex_colors[:, :3].astype(np.float32) / 255
    return paint_vertices(mesh, front_colors(mesh, view, lambda *_: own))


def front_colors(mesh: Mesh, view: InputView, own: Colors) -> Colors:
    """Surface points (K, 3) and unit normals (K, 3) -> the input view's colours (K, 3) where it shows the point;
    elsewhere, and at grazing angles, the colours from `own`."""
    vertices, faces = (torch.from_numpy(x).to(view.rgba.device) for x in (mesh.vertices, mesh.faces))
    nearest = rasterise(vertices, faces.long(), view.camera).depth.clamp(max=FAR)[..., None]
    alpha = view.rgba[..., 3:]
    maps = torch.cat([view.rgba[..., :3] * alpha, alpha, nearest], -1)

    def colors(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        positions, outward, rgb = (
            torch.from_numpy(np.asarray(x, np.float32)).to(maps) for x in (points, normals, own(points, normals))
        )
        sampled, z = view.sample(maps, positions)
        color, alpha, nearest = sampled.split([3, 1, 1], 1)
        to_camera = F.normalize(view.camera.position - positions, dim=1)
        facing = (outward * to_camera).sum(1, keepdim=True)
        share = ((facing - FACING[0]) / (FACING[1] - FACING[0])).clamp(0, 1)
        share = share * (z[:, None] < nearest + OCCLUSION_TOLERANCE) * (alpha > 0.5)
        return (rgb + share * (color / alpha.clamp(min=0.5) - rgb)).cpu().numpy()

    return colors

# SPDX-License-Identifier: GPL-3.0-or-later
"""What the input picture knows for sure about a reconstruction from imagined views: the object's outline, and the
colours of its front. Views that are imagined only come near to both.
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

Field = Callable[[Tensor], Tensor]
PICTURE_SIDE = 512  # pixels of a framed picture that a mesh is made true to
RAYS = 64  # a side, through the outline
SAMPLES = 56  # along each of them
THICKNESS = 0.7  # of a part that no view shows, in the distance to the outline...
THICKEST = 0.08  # ...up to this half thickness, in the world
BLUR = 1.5  # rays, of the depth of such parts
NEVER = 9.0  # a distance, in the world, that no part of an object has
HIDDEN = 0.02  # of the world behind what the picture sees first
FACING = (0.2, 0.5)  # cosine between normal and view from which, and beyond which, the picture's colour counts


@dataclass
class Picture:
    """rgba float32 (S, S, 4), straight alpha, and the camera (S, S) that saw it in the world."""

    rgba: Tensor
    camera: Camera

    @classmethod
    def seen_from(cls, rgba: Tensor, cam_to_world: Tensor, fov_deg: float, closer: float) -> Picture:
        """closer: how many times nearer than its camera the picture looks, because it was framed."""
        fov = 2 * math.degrees(math.atan(math.tan(math.radians(fov_deg) / 2) / closer))
        return cls(rgba, Camera(cam_to_world, fov, rgba.shape[0], rgba.shape[1]).to(rgba.device))

    def outline(self) -> Tensor:
        """Distance of every pixel to the outline in pixels (S, S), positive inside."""
        alpha = self.rgba[..., 3].cpu().numpy() >= 0.5
        inside, outside = (torch.from_numpy(np.asarray(distance_transform_edt(a))) for a in (alpha, ~alpha))
        return (inside - outside).to(self.rgba)

    def look_up(self, maps: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """maps (S', S', C), of any resolution, where points (N, 3) of the world are seen: (N, C); depths (N,)."""
        pixel, depth = project(self.camera, points)
        grid = pixel * 2 / torch.tensor([self.camera.width, self.camera.height], device=points.device) - 1
        maps = maps.permute(2, 0, 1)[None]
        return F.grid_sample(maps, grid[None, None], padding_mode="border", align_corners=False)[0, :, 0].T, depth


def keep_outline(field: Field, picture: Picture, reach: float) -> Field:
    """A field, points (N, 3) of the world -> distance (N,) in the world, negative inside, made true to the outline.

    What the outline excludes goes: the object's visual hull from this one side (Laurentini 1994). A ray inside the
    outline that meets nothing meets, where the field comes nearest to a surface, a sheet as thick as the part is wide.
    reach: radius of the world around the origin in which the object lies.
    """
    outline = picture.outline()[..., None]
    depth, missing = find_missing(field, picture, outline, reach)
    maps = torch.stack([depth, missing], -1)

    def constrained(points: Tensor) -> Tensor:
        inside, z = picture.look_up(outline, points)
        inside = inside[:, 0] * z / picture.camera.focal
        depth, missing = picture.look_up(maps, points)[0].unbind(-1)
        sheet = (z - depth).abs() - (THICKNESS * inside).clamp(max=THICKEST)
        sheet = torch.where((inside > 0) & (missing > 0.3), sheet, NEVER)
        return torch.maximum(torch.minimum(field(points), sheet), -inside)

    return constrained


def find_missing(field: Field, picture: Picture, outline: Tensor, reach: float) -> tuple[Tensor, Tensor]:
    """Through RAYS x RAYS pixels: the depth where the field is least (smooth), and 1 where a ray inside the outline
    meets nothing of it (slightly smooth), each (RAYS, RAYS)."""
    coarse = Camera(picture.camera.cam_to_world, picture.camera.fov_deg, RAYS, RAYS)
    origin, direction = rays(coarse)
    distance = origin[0].norm()
    t = torch.linspace(float(distance) - reach, float(distance) + reach, SAMPLES, device=origin.device)
    points = origin[:, None] + direction[:, None] * t[:, None]
    margin = picture.look_up(outline, points[:, SAMPLES // 2])[0][:, 0]
    asked = margin > -2 * BLUR * picture.camera.width / RAYS  # the blur brings hardly anything from farther out
    values = torch.full((RAYS * RAYS, SAMPLES), NEVER, device=origin.device)
    values[asked] = field(points[asked].reshape(-1, 3)).view(-1, SAMPLES)
    least = values.amin(1)
    z = project(coarse, points)[1]
    expected = (torch.softmax(-values / 0.01, 1) * z).sum(1)
    trust, inside = torch.exp(-least.clamp(min=0) / 0.02), margin > 0
    smooth, weight, missing = (
        torch.from_numpy(gaussian_filter(x.view(RAYS, RAYS).cpu().numpy(), blur)).to(values)
        for x, blur in ((expected * trust, BLUR), (trust, BLUR), (((least > 0) & inside).float(), 0.5))
    )
    return smooth / weight.clamp(min=1e-6), missing


def paint_front(mesh: Mesh, picture: Picture) -> Mesh:
    """The mesh with the picture's colours where the picture shows it; elsewhere, and at grazing angles, its own."""
    own = mesh.vertex_colors[:, :3].astype(np.float32) / 255
    painted = front_colors(mesh, picture, lambda *_: own)(mesh.vertices, mesh.vertex_normals)
    colors = mesh.vertex_colors.copy()
    colors[:, :3] = (painted.clip(0, 1) * 255 + 0.5).astype(np.uint8)
    return Mesh(mesh.vertices, mesh.faces, colors, mesh.uv, mesh.texture)


def front_colors(mesh: Mesh, picture: Picture, own: Colors) -> Colors:
    """Points (K, 3) of the mesh's surface and unit normals (K, 3) -> the picture's colours (K, 3) where it shows them;
    elsewhere, and at grazing angles, their own."""
    vertices, faces = (torch.from_numpy(x).to(picture.rgba.device) for x in (mesh.vertices, mesh.faces))
    nearest = rasterise(vertices, faces.long(), picture.camera).depth.clamp(max=NEVER)[..., None]
    alpha = picture.rgba[..., 3:]
    maps = torch.cat([picture.rgba[..., :3] * alpha, alpha, nearest], -1)

    def colors(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        places, outward, rgb = (
            torch.from_numpy(np.asarray(x, np.float32)).to(maps) for x in (points, normals, own(points, normals))
        )
        seen, z = picture.look_up(maps, places)
        color, alpha, nearest = seen.split([3, 1, 1], 1)
        towards = F.normalize(picture.camera.position - places, dim=1)
        facing = (outward * towards).sum(1, keepdim=True)
        share = ((facing - FACING[0]) / (FACING[1] - FACING[0])).clamp(0, 1)
        share = share * (z[:, None] < nearest + HIDDEN) * (alpha > 0.5)
        return (rgb + share * (color / alpha.clamp(min=0.5) - rgb)).cpu().numpy()

    return colors

# SPDX-License-Identifier: GPL-3.0-or-later
"""A z-buffer rasteriser for triangle meshes in plain PyTorch.

Rasterises in homogeneous coordinates (Olano and Greer 1997): the ray through a pixel is a linear combination of a
triangle's three corners and hits it where no weight is negative. No projection and no perspective correction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .cameras import Camera
from .mesh import Mesh
from .texture_filter import footprint, look_up

TOLERANCE = 1e-6  # of the largest corner weight, so that no ray slips between two triangles


@dataclass
class Raster:
    """The nearest face at every pixel."""

    face: Tensor  # (H, W) int64 face indices, -1 for background
    corner: Tensor  # (H, W, 3) barycentric weights of the face's corners
    depth: Tensor  # (H, W) along the viewing axis, infinite for background


def rasterise(vertices: Tensor, faces: Tensor, camera: Camera) -> Raster:
    """Find the nearest face at every pixel centre; faces are two-sided.

    vertices (N, 3) float, faces (M, 3) int64, on the camera's device. Faces that reach behind the camera are dropped.
    """
    corners = ((vertices - camera.position) @ camera.cam_to_world[:3, :3])[faces]
    first, last = _pixel_boxes(corners, camera)
    shape = (last - first + 1).clamp(min=0)
    count = shape.prod(-1)
    triangle = torch.repeat_interleave(torch.arange(len(faces), device=faces.device), count)
    within_box = torch.arange(len(triangle), device=faces.device) - (count.cumsum(0) - count)[triangle]
    column = first[triangle, 0] + within_box % shape[triangle, 0].clamp(min=1)
    row = first[triangle, 1] + within_box // shape[triangle, 0].clamp(min=1)

    x = (column + 0.5 - camera.width / 2) / camera.focal
    y = (camera.height / 2 - row - 0.5) / camera.focal
    a, b, c = corners.unbind(1)
    sides = torch.stack([torch.cross(b, c, -1), torch.cross(c, a, -1), torch.cross(a, b, -1)], 1)
    sides = (
        sides / (a * sides[:, 0]).sum(-1)[:, None, None]
    )  # not finite for a face covered edge-on, which is never hit
    weight = sides[triangle] @ torch.stack([x, y, -torch.ones_like(x)], -1)[..., None]
    weight = weight.squeeze(-1)
    depth = 1 / weight.sum(-1)
    hit = (weight >= -TOLERANCE * weight.abs().amax(-1, keepdim=True)).all(-1) & (depth > 0) & depth.isfinite()
    pixel, depth, triangle, weight = (v[hit] for v in (row * camera.width + column, depth, triangle, weight))
    return _nearest(pixel, depth, triangle, weight, camera)


def _pixel_boxes(corners: Tensor, camera: Camera) -> tuple[Tensor, Tensor]:
    """First and last pixel (column, row) (M, 2) int64 inside the triangles' bounding boxes; last < first for none."""
    depth = -corners[..., 2]
    safe = depth.clamp(min=1e-6)
    columns = camera.width / 2 + camera.focal * corners[..., 0] / safe
    rows = camera.height / 2 - camera.focal * corners[..., 1] / safe
    pixels = torch.stack([columns, rows], -1)
    size = torch.tensor([camera.width, camera.height], device=corners.device)
    first = (pixels.amin(1).clamp(torch.zeros_like(size), size) - 0.5).ceil().long()
    last = torch.minimum((pixels.amax(1).clamp(min=-1).minimum(size + 1) - 0.5).floor().long(), size - 1)
    return first, torch.where((depth > 1e-6).all(1, keepdim=True), last, first - 1)


def _nearest(pixel: Tensor, depth: Tensor, triangle: Tensor, weight: Tensor, camera: Camera) -> Raster:
    """Depth test. Of two faces at one depth the later hit wins, which makes the result deterministic."""
    pixels = camera.width * camera.height
    buffer = torch.full((pixels,), torch.inf, dtype=depth.dtype, device=depth.device)
    buffer.scatter_reduce_(0, pixel, depth, "amin")
    winner = torch.full((pixels,), -1, device=depth.device)
    front = torch.nonzero(depth == buffer[pixel])[:, 0]
    winner.scatter_reduce_(0, pixel[front], front, "amax")
    covered = winner >= 0
    face = torch.full_like(winner, -1)
    corner = torch.zeros(pixels, 3, dtype=weight.dtype, device=weight.device)
    face[covered] = triangle[winner[covered]]
    corner[covered] = (weight / weight.sum(-1, keepdim=True))[winner[covered]]
    shape = (camera.height, camera.width)
    return Raster(face.view(shape), corner.view(*shape, 3), buffer.view(shape))


def render_mesh(mesh: Mesh, camera: Camera, samples: int = 2) -> Tensor:
    """Render the mesh unlit, by its texture if it has one, else by its vertex colours.

    Returns RGBA float32 (H, W, 4), sRGB, straight alpha, on the camera's device. samples: along each side of a pixel.
    """
    fine = Camera(camera.cam_to_world, camera.fov_deg, camera.width * samples, camera.height * samples)
    device = camera.cam_to_world.device
    vertices, faces = torch.from_numpy(mesh.vertices).to(device), torch.from_numpy(mesh.faces).long().to(device)
    raster = rasterise(vertices, faces, fine)
    covered = raster.face >= 0
    face, corner = raster.face[covered], raster.corner[covered]
    if mesh.uv is None or mesh.texture is None:
        colors = torch.from_numpy(mesh.vertex_colors[:, :3]).to(device).float() / 255
        rgb = (colors[faces[face]] * corner[..., None]).sum(-2)
    else:
        uv = torch.from_numpy(np.asarray(mesh.uv, np.float32)).to(device)
        texture = torch.from_numpy(mesh.texture[..., :3]).to(device).float() / 255
        area = footprint(vertices[faces], uv * torch.tensor(mesh.texture.shape[1::-1], device=device), fine)
        rgb = look_up(texture, (uv[face] * corner[..., None]).sum(-2), area[face] * raster.depth[covered] ** 3)
    rgba = torch.zeros(fine.height, fine.width, 4, device=device)
    rgba[covered] = torch.nn.functional.pad(rgb, (0, 1), value=1)
    rgba = rgba.view(camera.height, samples, camera.width, samples, 4).mean((1, 3))
    return torch.cat([rgba[..., :3] / rgba[..., 3:].clamp(min=1e-6), rgba[..., 3:]], -1)

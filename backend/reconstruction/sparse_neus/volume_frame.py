# SPDX-License-Identifier: GPL-3.0-or-later
"""Placement of SparseNeuS's volume [-1, 1]^3 among the cameras, and conversion to the network's conventions.

These are OpenCV axes (x right, y down, z forward), the position of pixel centres and, for the published weights, the
reference camera's world, normalised to the box of all frusta.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

Rig = Literal["starter", "published"]
PUBLISHED_FOV_DEG = math.degrees(2 * math.atan(128 / 280))  # focal length 280 at 256 pixels
NEAR, FAR = 0.5 / 1.2, 1.8 / 1.2  # the published frusta's planes, in camera distances
PIXEL_SHIFT = {"starter": -0.5, "published": 0.0}


def place_volume(
    rig: Rig, cam_to_world: Tensor, fov_deg: float | Tensor, size: int, reference: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Place the volume among cameras (V, 4, 4) with Blender's axes and images of size x size pixels.

    fov_deg: of all cameras, or of each (V,).
    reference: (4, 4), the input image's camera, which gives the published volume its axes; by default the first camera.
    Returns the similarity (4, 4) from volume to world, affine maps (V, 4, 4) from volume to pixels, and the cameras'
    centres (V, 3) in the volume.
    """
    if rig == "starter":
        frame = object_box(cam_to_world, fov_deg)
    else:
        frame = published_frame(cam_to_world, fov_deg, cam_to_world[0] if reference is None else reference)
    affine, centres = volume_cameras(cam_to_world, fov_deg, size, frame, PIXEL_SHIFT[rig])
    if rig == "published":
        affine[:, :3] /= frame[:3, 0].norm()  # depths in the volume's unit
    return frame, affine, centres


def object_box(cam_to_world: Tensor, fov_deg: float | Tensor) -> Tensor:
    """Similarity (4, 4) from [-1, 1]^3 to a box around the cameras' common target, a tenth wider than their view.

    For One-2-3-45's rig (distance 1.2, 49.1 degrees) the half side is 0.548.
    """
    centre, distances = common_target(cam_to_world)
    sine = torch.sin(torch.deg2rad(torch.as_tensor(fov_deg)) / 2).to(centre)
    frame = torch.eye(4, device=centre.device)
    frame[:3, :3] *= (1.1 * distances * sine).median()
    frame[:3, 3] = centre
    return frame


def common_target(cam_to_world: Tensor) -> tuple[Tensor, Tensor]:
    """The point (3,) closest to all optical axes, in the least squares sense, and the distances to it (V,)."""
    axes, eyes = -cam_to_world[:, :3, 2].double(), cam_to_world[:, :3, 3].double()
    across = torch.eye(3, device=axes.device, dtype=axes.dtype) - axes[:, :, None] * axes[:, None, :]
    centre = torch.linalg.lstsq(across.sum(0), (across @ eyes[..., None]).sum(0)).solution[:, 0]
    unit = 1e-6 * (eyes - centre).norm(dim=1).median().clamp_min(1e-12)
    centre = (centre / unit).round() * unit  # LAPACK's last digits vary between calls; a seed's mesh must not
    return centre.to(cam_to_world), (eyes - centre).norm(dim=1).to(cam_to_world)


def published_frame(cam_to_world: Tensor, fov_deg: float | Tensor, reference: Tensor) -> Tensor:
    """Similarity (4, 4) from the published volume to the world: along the reference camera's axes, a tenth wider than
    the box of all frusta."""
    cameras = torch.cat([reference[None], cam_to_world]).double().cpu()
    opencv = cameras @ torch.diag(torch.tensor([1.0, -1, -1, 1], dtype=torch.float64))
    distance = common_target(cameras)[1].median()
    widest = math.radians(float(torch.as_tensor(fov_deg).max()))
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1], dtype=torch.float64)] * 2)
    directions = torch.cat([signs * math.tan(widest / 2), torch.ones(4, 1)], 1)
    corners = torch.cat([directions * NEAR * distance, directions * FAR * distance])
    corners = corners @ opencv[:, :3, :3].transpose(1, 2) + opencv[:, None, :3, 3]
    local = (corners.reshape(-1, 3) - opencv[0, :3, 3]) @ opencv[0, :3, :3]
    low, high = local.amin(0), local.amax(0)
    scale = torch.eye(4, dtype=torch.float64)
    scale[:3, :3] *= 1.1 * (high - low).max() / 2
    scale[:3, 3] = (low + high) / 2
    return (opencv[0] @ scale).to(cam_to_world)


def volume_cameras(
    cam_to_world: Tensor, fov_deg: float | Tensor, size: int, volume_to_world: Tensor, pixel_shift: float = -0.5
) -> tuple[Tensor, Tensor]:
    """Convert cameras (V, 4, 4) with Blender's axes -> affine maps (V, 4, 4) from volume to pixels, centres (V, 3).

    volume_to_world: a similarity (4, 4). Pixel centres lie at integers + 0.5 + `pixel_shift`.
    """
    focal = size / 2 / torch.tan(torch.deg2rad(torch.as_tensor(fov_deg)) / 2)
    centre = size / 2 + pixel_shift
    k = torch.tensor([[0.0, 0, -centre, 0], [0, 0, -centre, 0], [0, 0, -1, 0], [0, 0, 0, 1]]).repeat(*focal.shape, 1, 1)
    k[..., 0, 0], k[..., 1, 1] = focal, -focal
    k = k.to(cam_to_world.device)
    centres = torch.linalg.solve(volume_to_world, cam_to_world[:, :, 3].T).T[:, :3]
    return k @ torch.linalg.inv(cam_to_world) @ volume_to_world, centres

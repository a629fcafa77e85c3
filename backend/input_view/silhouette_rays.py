# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the rays through the input picture come nearest to the middle of a reconstruction: its silhouette and depth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..rendering.cameras import Camera, pixel_centres
from .input_view import InputView

Field = Callable[[Tensor], Tensor]
COARSE, PLANES = 40, 32  # rays a side and depths of the first look
FINE = 128  # rays a side of the result
STEPS = 5  # depths of the second look, along rays that may graze the surface
NEAR = 0.05  # world units to either silhouette within which a ray is looked along again
SOFTNESS = 0.02  # world units within which depths count as the middle of the object


@dataclass
class RayMap:
    """A field along the rays through FINE x FINE pixels."""

    least: Tensor  # (FINE, FINE) least distance, negative where the ray meets the object
    depth: Tensor  # (FINE, FINE) where that is, along the viewing axis
    slope: float  # growth of the field per unit of distance, at the surface; `least` is divided by it


def trace(field: Field, view: InputView, silhouette: Tensor, reach: float) -> RayMap:
    """Follow the rays through the picture.

    First on a coarse lattice, then more closely where the silhouette of the model or of the picture may be.

    Args:
        field: signed distance up to a factor, points (N, 3) -> (N,).
        view: the picture and its camera.
        silhouette: (FINE, FINE) signed distance to the picture's outline, in world units.
        reach: radius of the object around the origin.
    """
    camera = view.camera
    middle = float(camera.position.norm())
    planes = torch.linspace(middle - reach, middle + reach, PLANES, device=camera.position.device)
    few = directions(camera, COARSE)
    lattice = field(at_depths(camera, few, planes.expand(len(few), -1))).view(COARSE, COARSE, PLANES)
    spacing = (middle * camera.height / camera.focal / COARSE, 2 * reach / (PLANES - 1))
    slope = slope_at_surface(lattice, spacing)
    lattice = lattice.permute(2, 0, 1)[None] / slope
    values = F.interpolate(lattice, (FINE, FINE), mode="bilinear", align_corners=False)[0].flatten(1).T
    least, at = values.min(1)
    depth = (torch.softmax(-values / SOFTNESS, 1) * planes).sum(1)
    near = (least.abs() < NEAR) | (silhouette.reshape(-1).abs() < NEAR)
    step = spacing[1] / (STEPS - 1) * 2
    around = planes[at[near], None] + (torch.arange(STEPS, device=at.device) - STEPS // 2) * step
    many = directions(camera, FINE)[near]
    found = field(at_depths(camera, many, around)).view(-1, STEPS) / slope
    least[near] = parabola_minimum(found)
    return RayMap(least.view(FINE, FINE), depth.view(FINE, FINE), slope)


def directions(camera: Camera, side: int) -> Tensor:
    """World directions (side * side, 3), of depth 1, through the centres of side x side pixels."""
    small = Camera(camera.cam_to_world, camera.fov_deg, side, side)
    pixels = (pixel_centres(small) - side / 2) / small.focal
    local = torch.stack([pixels[:, 0], -pixels[:, 1], -torch.ones_like(pixels[:, 0])], 1)
    return local @ camera.cam_to_world[:3, :3].T


def at_depths(camera: Camera, directions: Tensor, depths: Tensor) -> Tensor:
    """Points (N * D, 3) along rays (N, 3) at depths (N, D)."""
    return (camera.position + directions[:, None] * depths[..., None]).reshape(-1, 3)


def slope_at_surface(lattice: Tensor, spacing: tuple[float, float]) -> float:
    """Median growth of a field (H, W, D) per unit of distance where it changes its sign; 1 where it never does."""
    gradient = torch.stack(torch.gradient(lattice, spacing=(spacing[0], spacing[0], spacing[1])))
    inside = lattice < 0
    crossing = torch.zeros_like(inside)
    for axis in range(3):
        a, b = (inside.narrow(axis, i, inside.shape[axis] - 1) for i in (0, 1))
        crossing.narrow(axis, 0, inside.shape[axis] - 1).logical_or_(a ^ b)
    found = gradient.norm(dim=0)[crossing]
    return float(found.median().clamp(min=1e-3)) if len(found) else 1.0


def parabola_minimum(values: Tensor) -> Tensor:
    """Least value (N,) of curves given at evenly spaced places (N, S), by the parabola through the least three."""
    at = values.argmin(1, keepdim=True).clamp(1, values.shape[1] - 2)
    left, middle, right = (values.gather(1, at + i)[:, 0] for i in (-1, 0, 1))
    bend, tilt = left - 2 * middle + right, (right - left) / 2
    shift = (-tilt / bend.clamp(min=1e-9)).clamp(-1, 1)
    return torch.minimum(middle + tilt * shift + bend * shift.square() / 2, values.amin(1))

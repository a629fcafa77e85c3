# SPDX-License-Identifier: GPL-3.0-or-later
"""Cameras in Blender's frame: right-handed, Z up, the object around the origin; azimuth 0 is Blender's front view.

Camera axes are Blender's and OpenGL's: x right, y up, looking along -z. Pixel (column, row) = (0, 0) is the left upper
corner of the picture and pixel centres lie at +0.5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


def orbit(azimuth_deg: float, elevation_deg: float, radius: float) -> Tensor:
    """Camera-to-world matrix (4, 4) float32 of a camera on the view sphere that looks at the origin, upright.

    Position: radius * (sin a cos e, -cos a cos e, sin e). Azimuth 0 is Blender's front view (numpad 1), 90 the right
    view (numpad 3), positive elevation looks down. Defined at the poles too.
    """
    a, e = math.radians(azimuth_deg), math.radians(elevation_deg)
    right = np.array([math.cos(a), math.sin(a), 0.0])
    back = np.array([math.sin(a) * math.cos(e), -math.cos(a) * math.cos(e), math.sin(e)])
    matrix = np.eye(4)
    matrix[:3] = np.stack([right, np.cross(back, right), back, radius * back], axis=1)
    return torch.from_numpy(matrix.astype(np.float32))


@dataclass
class Camera:
    """A pinhole camera with square pixels and its principal point in the middle.

    cam_to_world (4, 4) float32, given as a tensor or an array; fov_deg is the vertical field of view in degrees.
    """

    cam_to_world: Tensor
    fov_deg: float
    width: int
    height: int

    def __post_init__(self) -> None:
        self.cam_to_world = torch.as_tensor(self.cam_to_world, dtype=torch.float32)
        if self.cam_to_world.shape != (4, 4):
            raise ValueError(f"A camera matrix is 4 x 4, this one is {tuple(self.cam_to_world.shape)}.")
        if not 0 < self.fov_deg < 180:
            raise ValueError(f"The field of view must lie between 0 and 180 degrees, not {self.fov_deg}.")

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return self.height / 2 / math.tan(math.radians(self.fov_deg) / 2)

    @property
    def position(self) -> Tensor:
        """Centre of projection (3,) in the world."""
        return self.cam_to_world[:3, 3]

    def to(self, device: torch.device | str) -> Camera:
        """The same camera with its matrix on `device`."""
        return Camera(self.cam_to_world.to(device), self.fov_deg, self.width, self.height)

    def intrinsics(self) -> Tensor:
        """K (3, 3) for OpenCV axes (x right, y down, z forward): [column, row, 1] ~ K @ [x, -y, -z] of our axes."""
        k = [[self.focal, 0, self.width / 2], [0, self.focal, self.height / 2], [0, 0, 1]]
        return torch.tensor(k, dtype=torch.float32, device=self.cam_to_world.device)


def pixel_centres(camera: Camera) -> Tensor:
    """(column, row) of every pixel's centre, (H*W, 2), row by row from the top left."""
    device = camera.cam_to_world.device
    rows, columns = torch.meshgrid(
        torch.arange(camera.height, device=device) + 0.5, torch.arange(camera.width, device=device) + 0.5, indexing="ij"
    )
    return torch.stack([columns, rows], dim=-1).reshape(-1, 2)


def turntable(count: int, elevation_deg: float, radius: float, fov_deg: float, size: int) -> list[Camera]:
    """Square cameras evenly around the object, the first one in front."""
    return [Camera(orbit(360 * i / count, elevation_deg, radius), fov_deg, size, size) for i in range(count)]


def rays(camera: Camera, pixels: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Origins and unit directions, each (N, 3), through `pixels` (N, 2), (column, row); all pixel centres if None."""
    columns, rows = (pixel_centres(camera) if pixels is None else pixels).unbind(-1)
    x = (columns - camera.width / 2) / camera.focal
    y = (camera.height / 2 - rows) / camera.focal
    directions = torch.stack([x, y, -torch.ones_like(x)], dim=-1) @ camera.cam_to_world[:3, :3].T
    directions = torch.nn.functional.normalize(directions, dim=-1)
    return camera.position.expand_as(directions), directions


def project(camera: Camera, points: Tensor) -> tuple[Tensor, Tensor]:
    """World points (..., 3) -> pixel (..., 2), (column, row), and depth (...) along the viewing axis.

    Depth is positive in front of the camera; the pixel of a point that is not in front of it means nothing.
    """
    local = (points - camera.position) @ camera.cam_to_world[:3, :3]
    depth = -local[..., 2]
    column = camera.width / 2 + camera.focal * local[..., 0] / depth
    row = camera.height / 2 - camera.focal * local[..., 1] / depth
    return torch.stack([column, row], dim=-1), depth

# SPDX-License-Identifier: GPL-3.0-or-later
"""LRM's source camera condition, 16 numbers: camera to world (3, 4) row by row, then fx, fy, cx, cy in image sides.

Camera axes are Blender's and OpenGL's; the world is Blender's.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...rendering.cameras import orbit


def source_camera(elevation_deg: float, half_tangent: float, distance: float) -> Tensor:
    """Source camera (16,) in front of the object. half_tangent: tangent of half the field of view."""
    matrix = orbit(0, elevation_deg, distance)[:3]
    focal = 1 / (2 * half_tangent)
    return torch.cat([matrix.flatten(), torch.tensor([focal, focal, 0.5, 0.5], dtype=torch.float32)])

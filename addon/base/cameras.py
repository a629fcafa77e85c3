# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge between Blender's cameras and the engines': a pose in the frame of a cube, and one vertical field of view.

numpy only; what is Blender's comes in as numbers. Poses are 4 x 4, Blender's camera axes (x right, y up, looking along
-z), angles in degrees as the backend has them: azimuth 0 is the front view, 90 the right one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...backend.interface import view_set
from ...backend.interface.view_set import FOV_DEG, RADIUS


@dataclass(frozen=True)
class View:
    """From where a camera sees a cube: angles in degrees; distance in the cube's sides."""

    azimuth: float
    elevation: float
    distance: float


def orbit(azimuth_deg: float, elevation_deg: float, radius: float = RADIUS) -> np.ndarray:
    """The pose of an upright camera on the view sphere, looking at the origin."""
    return np.array(view_set.orbit(azimuth_deg, elevation_deg, radius))


def field_of_view(lens: float, sensor: tuple[float, float], fit: str, width: int, height: int) -> float:
    """Vertical, in degrees, of a picture of width x height square pixels by a lens in mm on a sensor in mm.

    fit: AUTO lays the sensor's width along the picture's longer side; HORIZONTAL, VERTICAL take one side each.
    """
    if fit == "VERTICAL":
        half = sensor[1] / 2
    else:
        along = width if fit == "HORIZONTAL" or width >= height else height
        half = sensor[0] / 2 * height / along
    return 2 * math.degrees(math.atan(half / lens))


def lens_for(fov_deg: float, sensor: float) -> float:
    """The lens in mm whose view over `sensor` mm is fov_deg wide."""
    return sensor / 2 / math.tan(math.radians(fov_deg) / 2)


def within(pose: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """A pose in the world, perhaps scaled, as seen in a frame (a similarity): axes of length one."""
    local = np.linalg.solve(frame, pose)
    local[:3, :3] /= np.linalg.norm(local[:3, :3], axis=0)
    return local


def look(pose: np.ndarray, frame: np.ndarray) -> View:
    """How the camera sees the cube of a frame. ValueError when it stands in the cube's middle."""
    local = within(pose, frame)
    x, y, z = eye = local[:3, 3]
    distance = float(np.linalg.norm(eye))
    if distance < 1e-6:
        raise ValueError("The camera stands in the middle of the object")
    return View(
        azimuth=math.degrees(math.atan2(x, -y)) if math.hypot(x, y) > 1e-6 * distance else 0.0,
        elevation=math.degrees(math.asin(max(-1.0, min(1.0, z / distance)))),
        distance=distance,
    )


@dataclass(frozen=True)
class Lens:
    """fov_deg, vertical, of a picture of width x height pixels; shift of what it shows (right, up), in pixels."""

    fov_deg: float
    width: int
    height: int
    shift: tuple[float, float] = (0.0, 0.0)


def lay_behind(picture: np.ndarray, view: View, pose: np.ndarray, frame: np.ndarray, lens: Lens) -> np.ndarray:
    """An engine's picture float32 (S, S, 4) of a view, as the camera at the pose sees it standing in the cube's middle:
    float32 (H, W, 4), first row on top, transparent beside it. So it overlays the object wherever the camera looks."""
    side, local, engine = len(picture), within(pose, frame), orbit(view.azimuth, view.elevation)
    focal = lens.height / 2 / math.tan(math.radians(lens.fov_deg) / 2)
    column, row = np.meshgrid(np.arange(lens.width) + 0.5, np.arange(lens.height) + 0.5)
    x, y = (column - lens.width / 2 + lens.shift[0]) / focal, (lens.height / 2 - row + lens.shift[1]) / focal
    along = np.stack([x, y, -np.ones_like(x)], -1) @ local[:3, :3].T
    towards = along @ engine[:3, 2]
    far = -(local[:3, 3] @ engine[:3, 2]) / np.where(np.abs(towards) < 1e-9, 1e-9, towards)
    place = (local[:3, 3] + far[..., None] * along) @ engine[:3, :2]
    half = RADIUS * math.tan(math.radians(FOV_DEG) / 2)
    columns = np.floor((place[..., 0] / half + 1) * side / 2).astype(int)
    rows = np.floor((1 - place[..., 1] / half) * side / 2).astype(int)
    seen = (far > 0) & (columns >= 0) & (columns < side) & (rows >= 0) & (rows < side)
    return np.where(seen[..., None], picture[rows.clip(0, side - 1), columns.clip(0, side - 1)], 0).astype(np.float32)

# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge between Blender's cameras and the engines': a pose in the frame of a cube, and one vertical field of view.

numpy only; Blender's data come in as numbers. Poses are 4 x 4, Blender's camera axes (x right, y up, looking along
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
    """A camera's place around a cube: angles in degrees, distance in the cube's sides."""

    azimuth: float
    elevation: float
    distance: float


def orbit(azimuth_deg: float, elevation_deg: float, radius: float = RADIUS) -> np.ndarray:
    """The pose of an upright camera on the view sphere, looking at the origin."""
    return np.array(view_set.orbit(azimuth_deg, elevation_deg, radius))


def field_of_view(lens: float, sensor: tuple[float, float], fit: str, width: int, height: int) -> float:
    """Vertical field of view in degrees for an image of width x height square pixels. lens, sensor: in mm.

    fit: AUTO lays the sensor's width along the image's longer side; HORIZONTAL and VERTICAL lay it along that side.
    """
    if fit == "VERTICAL":
        half = sensor[1] / 2
    else:
        along = width if fit == "HORIZONTAL" or width >= height else height
        half = sensor[0] / 2 * height / along
    return 2 * math.degrees(math.atan(half / lens))


def intrinsics(
    lens: float,
    sensor: tuple[float, float],
    fit: str,
    shift: tuple[float, float],
    width: int,
    height: int,
    aspect: float = 1.0,
) -> dict[str, float]:
    """A Blender camera for an image of width x height pixels as the backend reads it: focal lengths and centre in
    pixels. lens, sensor: in mm; fit: see `field_of_view`; aspect: a pixel's height over its width."""
    tall = height * aspect
    is_across = fit == "HORIZONTAL" or (fit != "VERTICAL" and width >= tall)
    side = width if is_across else tall  # along the sensor, in widths of a pixel
    focal = lens * side / (sensor[1] if fit == "VERTICAL" else sensor[0])
    cx, cy = width / 2 - shift[0] * side, height / 2 + shift[1] * side / aspect
    return {"w": width, "h": height, "fl_x": focal, "fl_y": focal / aspect, "cx": cx, "cy": cy}


def lens_for(fov_deg: float, sensor: float) -> float:
    """The lens in mm whose view over `sensor` mm is fov_deg wide."""
    return sensor / 2 / math.tan(math.radians(fov_deg) / 2)


def within(pose: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """A world pose, perhaps scaled, in the coordinates of a frame (a similarity), with axes of length one."""
    local = np.linalg.solve(frame, pose)
    local[:3, :3] /= np.linalg.norm(local[:3, :3], axis=0)
    return local


def view_from(pose: np.ndarray, frame: np.ndarray) -> View:
    """The view of a frame's cube from a camera. ValueError if the camera is in the cube's middle."""
    local = within(pose, frame)
    x, y, z = eye = local[:3, 3]
    distance = float(np.linalg.norm(eye))
    if distance < 1e-6:
        raise ValueError("The camera is at the centre of the object")
    return View(
        azimuth=math.degrees(math.atan2(x, -y)) if math.hypot(x, y) > 1e-6 * distance else 0.0,
        elevation=math.degrees(math.asin(max(-1.0, min(1.0, z / distance)))),
        distance=distance,
    )


@dataclass(frozen=True)
class Lens:
    """fov_deg: vertical, for an image of width x height pixels. shift: (right, up) in pixels."""

    fov_deg: float
    width: int
    height: int
    shift: tuple[float, float] = (0.0, 0.0)


def lay_behind(image: np.ndarray, view: View, pose: np.ndarray, frame: np.ndarray, lens: Lens) -> np.ndarray:
    """Project an engine's image of a view, float32 (S, S, 4), from the cube's middle into the camera at the pose:
    float32 (H, W, 4), first row on top, transparent elsewhere. It can be used as the camera's background image."""
    side, local, engine = len(image), within(pose, frame), orbit(view.azimuth, view.elevation)
    focal = lens.height / 2 / math.tan(math.radians(lens.fov_deg) / 2)
    column, row = np.meshgrid(np.arange(lens.width) + 0.5, np.arange(lens.height) + 0.5)
    x, y = (column - lens.width / 2 + lens.shift[0]) / focal, (lens.height / 2 - row + lens.shift[1]) / focal
    along = np.stack([x, y, -np.ones_like(x)], -1) @ local[:3, :3].T
    towards = along @ engine[:3, 2]
    depth = -(local[:3, 3] @ engine[:3, 2]) / np.where(np.abs(towards) < 1e-9, 1e-9, towards)
    place = (local[:3, 3] + depth[..., None] * along) @ engine[:3, :2]
    half = RADIUS * math.tan(math.radians(FOV_DEG) / 2)
    columns = np.floor((place[..., 0] / half + 1) * side / 2).astype(int)
    rows = np.floor((1 - place[..., 1] / half) * side / 2).astype(int)
    seen = (depth > 0) & (columns >= 0) & (columns < side) & (rows >= 0) & (rows < side)
    return np.where(seen[..., None], image[rows.clip(0, side - 1), columns.clip(0, side - 1)], 0).astype(np.float32)

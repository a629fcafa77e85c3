# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge between Blender's cameras and the engines': a pose in the frame of a cube, and one vertical field of view.

numpy only; what is Blender's comes in as numbers. Poses are 4 x 4, Blender's camera axes (x right, y up, looking along
-z), angles in degrees as the backend has them: azimuth 0 is the front view, 90 the right one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..backend.interface.view_set import FOV_DEG, RADIUS


@dataclass(frozen=True)
class View:
    """A camera as it sees a cube: angles in degrees; distance in the cube's sides; zoom, how many times larger it shows
    things at the cube's middle than an engine's camera does; x, y, where it shows the middle, in halves of its
    picture's height from the picture's middle."""

    azimuth: float
    elevation: float
    distance: float
    zoom: float
    x: float
    y: float


def orbit(azimuth_deg: float, elevation_deg: float, radius: float = RADIUS) -> np.ndarray:
    """The pose of an upright camera on the view sphere, looking at the origin."""
    a, e = math.radians(azimuth_deg), math.radians(elevation_deg)
    right = np.array([math.cos(a), math.sin(a), 0.0])
    back = np.array([math.sin(a) * math.cos(e), -math.cos(a) * math.cos(e), math.sin(e)])
    pose = np.eye(4)
    pose[:3] = np.stack([right, np.cross(back, right), back, radius * back], axis=1)
    return pose


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


def look(pose: np.ndarray, frame: np.ndarray, fov_deg: float) -> View:
    """How the camera sees the cube of a frame. ValueError when it stands in the cube's middle."""
    local = within(pose, frame)
    x, y, z = eye = local[:3, 3]
    distance = float(np.linalg.norm(eye))
    if distance < 1e-6:
        raise ValueError("The camera stands in the middle of the object")
    middle = -local[:3, :3].T @ eye
    tangent = math.tan(math.radians(fov_deg) / 2)
    depth = max(float(-middle[2]), 1e-6)
    zoom = RADIUS * math.tan(math.radians(FOV_DEG) / 2) / (depth * tangent)
    return View(
        azimuth=math.degrees(math.atan2(x, -y)) if math.hypot(x, y) > 1e-6 * distance else 0.0,
        elevation=math.degrees(math.asin(max(-1.0, min(1.0, z / distance)))),
        distance=distance,
        zoom=zoom,
        x=float(middle[0]) / (depth * tangent),
        y=float(middle[1]) / (depth * tangent),
    )

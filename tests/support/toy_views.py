# SPDX-License-Identifier: GPL-3.0-or-later
"""Exact pictures of a toy, a box and a ball, through any lens: a ray tracer that shares nothing with the product."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from backend.evaluation import metrics
from backend.rendering.cameras import Camera
from backend.rendering.lens import Lens, ViewCamera
from backend.rendering.mesh import Mesh

LOW, HIGH = np.array([-0.40, -0.18, -0.30]), np.array([0.40, 0.18, 0.05])  # the box
BALL, RADIUS = np.array([0.12, 0.02, 0.16]), 0.14
LIGHT = np.array([0.4, -0.5, 0.77])
COLORS = np.array([[200, 50, 40], [45, 125, 205], [230, 195, 60], [70, 180, 90]]) / 255  # sides x, y, z; the ball
FINER = 3  # rays a pixel, along each side
RIG = [(30 * i, (-10, 15, 40)[i % 3]) for i in range(12)]  # azimuth and elevation in degrees

Rays = Callable[
    [np.ndarray, np.ndarray], np.ndarray
]  # columns, rows (N,) in pixels -> directions (N, 3), see `pinhole`


def look_at(azimuth_deg: float, elevation_deg: float, distance: float = 1.2) -> np.ndarray:
    """Pose (4, 4) of an upright camera that looks at the origin; x right, y up, z backward."""
    a, e = math.radians(azimuth_deg), math.radians(elevation_deg)
    back = np.array([math.sin(a) * math.cos(e), -math.cos(a) * math.cos(e), math.sin(e)])
    right = np.array([math.cos(a), math.sin(a), 0.0])
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = np.stack([right, np.cross(back, right), back], 1), distance * back
    return pose


def pinhole(fl_x: float, fl_y: float, cx: float, cy: float) -> Rays:
    """Rays of a lens without distortion, in the camera's axes."""
    return lambda column, row: np.stack([(column - cx) / fl_x, (cy - row) / fl_y, -np.ones_like(row)], 1)


def plain(width: int, height: int, angle_x: float) -> Rays:
    """A centred lens with square pixels, whose view is angle_x (radians) wide."""
    focal = width / 2 / math.tan(angle_x / 2)
    return pinhole(focal, focal, width / 2, height / 2)


def bent(lens: Rays, grow: Callable[[np.ndarray], np.ndarray], is_fisheye: bool = False) -> Rays:
    """A lens whose image lies `grow`(radius at distance 1, or a fisheye's angle) from its centre; by a table."""
    table = np.linspace(0, 1.2, 5000)
    grown = grow(table)

    def directions(column: np.ndarray, row: np.ndarray) -> np.ndarray:
        x, y, _ = lens(column, row).T
        there = np.hypot(x, y)
        back = np.interp(there, grown, table)
        out = (np.tan(back) if is_fisheye else back) / np.maximum(there, 1e-9)
        return np.stack([x * out, y * out, -np.ones_like(x)], 1)

    return directions


def picture(
    pose: np.ndarray, width: int, height: int, lens: Rays, background: Iterable[int] | None = None
) -> np.ndarray:
    """The toy as uint8 (height, width, 4), transparent around it; with a background's colour (3,), 0..255, (…, 3)."""
    row, column = np.mgrid[: height * FINER, : width * FINER].reshape(2, -1) / FINER + 0.5 / FINER
    seen = shade(pose[:3, 3], lens(column, row) @ pose[:3, :3].T)
    seen = seen.reshape(height, FINER, width, FINER, 4).mean((1, 3))
    color, alpha = seen[..., :3] / np.maximum(seen[..., 3:], 1e-9), seen[..., 3:]
    if background is not None:
        return np.rint(255 * color * alpha + np.array(list(background)) * (1 - alpha)).astype(np.uint8)
    return np.rint(255 * np.concatenate([color, alpha], -1)).astype(np.uint8)


def shade(eye: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Colour times alpha, and alpha (N, 4), of rays from a point (3,) in directions (N, 3) of any length."""
    with np.errstate(divide="ignore", invalid="ignore"):
        near, far = np.sort(np.stack([(LOW - eye) / along, (HIGH - eye) / along]), axis=0)
        enter, side = near.max(1), near.argmax(1)
        box = np.where((enter < far.min(1)) & (enter > 0), enter, np.inf)
        a, b = (along**2).sum(1), along @ (eye - BALL)
        root = b * b - a * (((eye - BALL) ** 2).sum() - RADIUS**2)
        ball = np.where(root > 0, (-b - np.sqrt(np.maximum(root, 0))) / a, np.inf)
        ball[ball <= 0] = np.inf
        depth = np.minimum(box, ball)
        normal = np.where((ball < box)[:, None], (eye + ball[:, None] * along - BALL) / RADIUS, 0.0)
        normal[box <= ball, side[box <= ball]] = -np.sign(along[box <= ball, side[box <= ball]])
    color = COLORS[np.where(ball < box, 3, side)] * (0.55 + 0.45 * np.clip(normal @ LIGHT, 0, 1))[:, None]
    return np.where(np.isfinite(depth)[:, None], np.concatenate([color, np.ones((len(along), 1))], 1), 0.0)


def given(camera: Camera) -> ViewCamera:
    """An engine's camera as a file would give it."""
    lens = Lens(camera.width, camera.height, *[camera.focal] * 2, camera.width / 2, camera.height / 2)
    return ViewCamera(camera.cam_to_world.double().numpy(), lens)


def write(
    folder: Path,
    frames: Iterable[tuple[np.ndarray, np.ndarray, dict[str, Any]]],
    name: str = "view_{:02}.png",
    **lens: Any,
) -> Path:
    """A folder with transforms.json of (picture, matrix, keys of its own) and keys for all, and the pictures."""
    entries = []
    folder.mkdir(parents=True, exist_ok=True)
    for number, (pixels, matrix, own) in enumerate(frames):
        file = name.format(number)
        (folder / file).parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / file)
        entries.append({"file_path": file, "transform_matrix": np.asarray(matrix).tolist()} | own)
    (folder / "transforms.json").write_text(json.dumps(lens | {"frames": entries}))
    return folder


def is_inside(points: np.ndarray) -> np.ndarray:
    """Whether points (N, 3) lie in the toy."""
    box = ((points >= LOW) & (points <= HIGH)).all(1)
    return box | (((points - BALL) ** 2).sum(1) <= RADIUS**2)


def iou(mesh: Mesh, cells: int = 64) -> float:
    """Volume that the toy shares with a mesh over the volume of either, counted at the middles of cells."""
    grid = 1.4 * ((np.mgrid[:cells, :cells, :cells].reshape(3, -1).T + 0.5) / cells - 0.5)
    found, true = metrics.is_inside(mesh, grid), is_inside(grid)
    return float((found & true).sum() / (found | true).sum())

# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures through any lens -> what a plain square camera sees from the same place, turned to the object.

Turning a camera where it stands changes nothing in what hides what, so this is exact. Engines get one kind of view.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from ...interface.view_set import FOV_DEG, RADIUS
from ...rendering.cameras import Camera
from ...rendering.lens import ViewCamera
from .blocks import average_blocks, premultiplied, straight
from .common_object import CommonObject

REACH = RADIUS * math.sin(math.radians(FOV_DEG) / 2)  # of an engine's view around its middle, in the object's diameters
WIDEST_DEG = 120.0  # of a view that stands close to the object
FINER = 2  # samples a pixel, along each side


@dataclass(frozen=True)
class SquareViews:
    """images float32 (V, S, S, 4), straight alpha; known: where they lie in their pictures, bool (V, S, S); cameras in
    a world where the object fits [-0.5, 0.5]^3."""

    images: np.ndarray
    known: np.ndarray
    cameras: list[Camera]


def square_views(pictures: list[np.ndarray], cameras: list[ViewCamera], shared: CommonObject, size: int) -> SquareViews:
    """Pictures float32 (H, W, 4), straight alpha, of any sizes, as views of size x size pixels of what they share."""
    found = [square_view(*view, shared.middle, shared.diameter, size) for view in zip(pictures, cameras, strict=True)]
    images, known, plain = zip(*found, strict=True)
    return SquareViews(np.stack(images), np.stack(known), list(plain))


def square_view(
    image: np.ndarray, camera: ViewCamera, middle: np.ndarray, diameter: float, size: int
) -> tuple[np.ndarray, np.ndarray, Camera]:
    """A picture float32 (H, W, 4), straight alpha, its camera, and the ball of the object in the world -> the view
    float32 (size, size, 4), where the picture shows something bool (size, size), and the view's camera in a world
    where the ball's radius is 0.5. The view is transparent outside the picture."""
    pose = turned_to(camera, middle)
    distance = float(np.linalg.norm(camera.position - middle)) / diameter
    fov = min(WIDEST_DEG, 2 * math.degrees(math.asin(min(1.0, REACH / distance))))
    plain = Camera(torch.from_numpy(placed(pose, middle, diameter)), fov, size, size)
    along = directions(plain.focal, size) @ (pose[:3, :3].T @ camera.cam_to_world[:3, :3])
    column, row, seen = camera.lens.project(along)
    view, known = sample(image, camera, column, row, seen, plain.focal), seen.reshape(size * FINER, -1)
    known = np.asarray(known.reshape(size, FINER, size, FINER).all((1, 3)))
    return view, known, plain


def turned_to(camera: ViewCamera, middle: np.ndarray) -> np.ndarray:
    """The camera's pose (4, 4), turned by the least angle so that it looks at a point."""
    pose = camera.cam_to_world.copy()
    back = camera.position - middle
    back /= np.linalg.norm(back)
    right = np.cross(pose[:3, 1], back)
    if np.linalg.norm(right) < 1e-3:  # it looks along its own upright
        right = np.cross(-pose[:3, 2], back)
    right /= np.linalg.norm(right)
    pose[:3, :3] = np.stack([right, np.cross(back, right), back], 1)
    return pose


def placed(pose: np.ndarray, middle: np.ndarray, diameter: float) -> np.ndarray:
    """The pose in a world where `middle` is the origin and `diameter` is 1, float32."""
    local = pose.copy()
    local[:3, 3] = (local[:3, 3] - middle) / diameter
    return local.astype(np.float32)


def directions(focal: float, size: int) -> np.ndarray:
    """Directions (N, 3) in a plain camera's axes, FINER x FINER for each of size x size pixels, row by row."""
    place = (np.arange(size * FINER) + 0.5) / FINER - size / 2
    y, x = np.meshgrid(-place, place, indexing="ij")
    return np.stack([x, y, np.full_like(x, -focal)], -1).reshape(-1, 3)


def sample(
    image: np.ndarray, camera: ViewCamera, column: np.ndarray, row: np.ndarray, seen: np.ndarray, focal: float
) -> np.ndarray:
    """The view float32 (S, S, 4) at columns and rows (N,) of a picture, transparent where nothing is seen. focal: the
    view's, in its pixels."""
    side, lens = round(math.sqrt(len(row))), camera.lens
    factor = max(1, math.floor(min(lens.fl_x, lens.fl_y) / (focal * FINER)))
    pixels = premultiplied(average_blocks(image, factor))
    height, width = factor * pixels.shape[2], factor * pixels.shape[3]
    place = np.stack([2 * column / width - 1, 2 * row / height - 1], -1).astype(np.float32).reshape(1, side, side, 2)
    found = F.grid_sample(pixels, torch.from_numpy(place), padding_mode="border", align_corners=False)
    return straight(F.avg_pool2d(found * torch.from_numpy(seen).view(side, side), FINER))

# SPDX-License-Identifier: GPL-3.0-or-later
"""Camera poses as files give them: read one by one, and understood together with the pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...rendering.lens import ViewCamera
from .common_object import CommonObject, find_object, meeting_point

TOLERANCE = 1e-2  # by which a camera's axes may miss being orthonormal
SAME = 1e-4  # of the distances in a scene: places closer together are one
SURE, GOOD, WEAK = 0.9, 0.7, 0.35  # shares of the silhouettes that the common object fills: another reading's; the
# given cameras'; the least that will do
UNSURE = "The views agree only in part. Check the cameras, and the cut-outs of all views."
FLIP = np.diag([1.0, -1.0, -1.0, 1.0])  # between OpenCV's axes and OpenGL's
TRANSPOSED = "The camera matrices are transposed (positions in the last row); they were turned round."
SCALED = "The camera matrices are scaled; their axes were brought to length 1."
REMEDY = "Camera matrices must be camera-to-world, with OpenGL's axes (x right, y up, looking along -z)."


class ViewsError(ValueError):
    """The views cannot be used; `remedy` says what to do."""

    def __init__(self, message: str, remedy: str = REMEDY) -> None:
        super().__init__(message)
        self.remedy = remedy


def read_pose(matrix: Any, name: str, notes: list[str]) -> np.ndarray:
    """Camera-to-world float64 (4, 4) with orthonormal axes, of a matrix 4 x 4 or 3 x 4; adds what was mended to notes.

    Raises ViewsError."""
    try:
        values = np.array(matrix, np.float64)
    except (ValueError, TypeError, OverflowError):
        values = np.empty(0)
    if values.shape not in ((4, 4), (3, 4)):
        raise ViewsError(f"{name} is not a 4 x 4 or 3 x 4 matrix of numbers.")
    with np.errstate(over="ignore"):
        is_finite = np.isfinite(values.astype(np.float32)).all()  # as cameras keep them
    if not is_finite:
        raise ViewsError(f"{name} has a number that is infinite, too large or NaN.")
    last = np.array([0.0, 0.0, 0.0, 1.0])
    values = np.vstack([values, last]) if len(values) == 3 else values
    if not np.allclose(values[3], last, atol=TOLERANCE) and np.allclose(values[:, 3], last, atol=1e-6):
        values = values.T
        add(notes, TRANSPOSED)
    if not np.allclose(values[3], last, atol=1e-6):
        raise ViewsError(f"The last row of {name} is not 0 0 0 1.")
    values[3], values[:3, :3] = last, read_axes(values[:3, :3], name, notes)
    return values


def read_axes(axes: np.ndarray, name: str, notes: list[str]) -> np.ndarray:
    """The rotation (3, 3) nearest to the axes, the columns of (3, 3), whatever their lengths; ViewsError."""
    lengths = np.linalg.norm(axes, axis=0)
    if not lengths.all():
        raise ViewsError(f"{name} is not a camera's pose: an axis has length 0.")
    axes = axes / lengths
    if not np.allclose(axes.T @ axes, np.eye(3), atol=TOLERANCE):
        raise ViewsError(f"{name} is not a camera's pose: its axes are skewed.")
    if np.linalg.det(axes) < 0:
        raise ViewsError(f"{name} is not a camera's pose: its axes are mirrored (left-handed).")
    if np.abs(lengths - 1).max() > TOLERANCE:
        add(notes, SCALED)
    left, _, right = np.linalg.svd(axes)
    return left @ right


def add(notes: list[str], note: str) -> None:
    """Add a sentence that is not there yet."""
    if note not in notes:
        notes.append(note)


def check_places(poses: list[np.ndarray]) -> None:
    """ViewsError where one place is all that cameras (4, 4) see from, however their matrices are meant."""
    if len(poses) < 2:
        raise ViewsError("There is one view. A mesh needs views from at least two places.", "Add more views.")
    if all(stand_together(np.stack(reading)) for reading in (poses, [np.linalg.inv(pose) for pose in poses])):
        raise ViewsError(
            f"All {len(poses)} cameras stand at the same place, so the views show no depth.",
            "Give each view the pose of its own camera. For a turntable, turn the cameras around the object.",
        )


def stand_together(poses: np.ndarray) -> bool:
    """Whether all cameras (V, 4, 4) stand at one place."""
    eyes = poses[:, :3, 3]
    return bool(np.ptp(eyes, axis=0).max() <= SAME * max(1e-9, np.abs(eyes).max()))


def settle(images: list[np.ndarray], cameras: list[ViewCamera]) -> tuple[list[ViewCamera], CommonObject, list[str]]:
    """Pictures float32 (H, W, 4), cut out, and their cameras -> the cameras, read in the way that fits the pictures;
    the object that they have in common then; and sentences on what was changed. Raises ViewsError where none fits."""
    found = find_object(images, cameras)
    if found is not None and found.coverage >= GOOD:
        return cameras, found, []
    cause = fault_of([camera.cam_to_world for camera in cameras])
    for words, matrices in other_readings([camera.cam_to_world for camera in cameras]):
        read = [replace(camera, cam_to_world=pose) for camera, pose in zip(cameras, matrices, strict=True)]
        other = None if stand_together(np.stack(matrices)) else find_object(images, read)
        if other is not None and other.coverage >= SURE:
            return read, other, [f"{cause} The camera matrices were taken as {words}, which fits the images."]
    if found is not None and found.coverage >= WEAK:
        return cameras, found, [UNSURE]
    raise ViewsError(cause, f"{REMEDY} Check the cameras, and the cut-outs of all views.")


def other_readings(poses: list[np.ndarray]) -> list[tuple[str, list[np.ndarray]]]:
    """Other meanings that the matrices may have, in words, and the poses then."""
    inverse = [np.linalg.inv(pose) for pose in poses]
    return [
        ("OpenCV's (y down, z forward)", [pose @ FLIP for pose in poses]),
        ("world-to-camera", inverse),
        ("world-to-camera with OpenCV's axes", [pose @ FLIP for pose in inverse]),
    ]


def fault_of(poses: list[np.ndarray]) -> str:
    """The fault of cameras whose pictures have no object in common, as far as their poses (4, 4) tell it."""
    matrices = np.stack(poses)
    if stand_together(matrices):
        return "All cameras stand at the same place, as in world-to-camera matrices."
    eyes, along = matrices[:, :3, 3], -matrices[:, :3, 2]
    towards = ((meeting_point(eyes, along) - eyes) * along).sum(1)
    if (towards < 0).mean() > 0.5:
        return "The cameras look away from the place where their axes meet."
    return "The views have no object in common where the cameras look."

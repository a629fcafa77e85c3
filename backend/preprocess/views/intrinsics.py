# SPDX-License-Identifier: GPL-3.0-or-later
"""Lenses from the keys of transforms.json, as NeRF-synthetic, instant-ngp (colmap2nerf), nerfstudio and others write
them. What a frame states goes before what the file states for all; fl_x before camera_angle_x before x_fov."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from ...rendering.lens import Lens
from .poses import ViewsError, add

FOCALS = ("fl_x", "fl_y", "fx", "fy", "camera_angle_x", "camera_angle_y", "x_fov", "y_fov")
MODELS: dict[str, Literal["perspective", "fisheye"]] = {
    "OPENCV": "perspective",
    "PINHOLE": "perspective",
    "SIMPLE_PINHOLE": "perspective",
    "PERSPECTIVE": "perspective",
    "SIMPLE_RADIAL": "perspective",
    "RADIAL": "perspective",
    "FULL_OPENCV": "perspective",
    "OPENCV_FISHEYE": "fisheye",
    "FISHEYE": "fisheye",
    "SIMPLE_RADIAL_FISHEYE": "fisheye",
    "RADIAL_FISHEYE": "fisheye",
}
# Keys that change what is seen and are not used: refused where they say anything.
REFUSED = (
    *("from_mitsuba", "equirectangular", "latlong", "orthographic", "ortho_scale", "shift_x", "shift_y", "skew"),
    *("ftheta_p0", "ftheta_p1", "ftheta_p2", "ftheta_p3", "ftheta_p4", "s1", "s2", "s3", "s4", "tau_x", "tau_y"),
    *("distortion_params", "intrinsics", "camera_intrinsics"),
)
MATRICES = ("intrinsic_matrix", "K")  # 3 x 3 or larger: fl_x 0 cx, 0 fl_y cy, 0 0 1
NOT_USED = {"rolling_shutter": "The rolling shutter is not taken into account."}
SKEW = 1e-3  # of the focal length; more would shear the image
SPREAD = 0.01  # by which two statements of one focal length may differ


def read_lens(frame: Mapping[str, Any], shared: Mapping[str, Any], size: tuple[int, int], notes: list[str]) -> Lens:
    """The lens of a frame whose file has `size` (width, height) pixels. shared: keys for all frames.

    A file of another size than the stated w and h is a scaled copy. Raises ViewsError, its message without a subject.
    """
    frame, shared = with_matrix(frame), with_matrix(shared)
    stated = {**shared, **frame}
    check_keys(stated, notes)
    width, height = (int(number(stated.get(key, of), key)) for key, of in zip("wh", size, strict=True))
    if min(width, height) <= 0:
        raise ViewsError(f"w and h say {width} x {height} pixels.")
    factor = max(size[0] / width, size[1] / height)
    if abs(width * factor - size[0]) > max(1, factor) or abs(height * factor - size[1]) > max(1, factor):
        raise ViewsError(f"w and h say {width} x {height} pixels, and the file has {size[0]} x {size[1]}.")
    focals = frame if any(key in frame for key in FOCALS) else shared
    fl_x, fl_y = read_focals(focals, width, height, notes)
    cx, cy = number(stated.get("cx", width / 2), "cx"), number(stated.get("cy", height / 2), "cy")
    if not (-2 * width < cx < 3 * width and -2 * height < cy < 3 * height):
        raise ViewsError(f"cx and cy are {cx:g} and {cy:g}, far outside the image.")
    model, radial, tangential = read_distortion(stated)
    lens = Lens(width, height, fl_x, fl_y, cx, cy, model, radial, tangential)
    return lens.resized(*size, size[0] / width, size[1] / height)


def with_matrix(stated: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that are not null, and those that a matrix of intrinsics stands for; ViewsError."""
    plain = {key: value for key, value in stated.items() if value is not None}
    for key in plain.keys() & set(MATRICES):
        try:
            matrix = np.array(plain[key], np.float64)
        except (ValueError, TypeError, OverflowError):
            matrix = np.empty(0)
        if matrix.ndim != 2 or min(matrix.shape) < 3 or abs(matrix[0, 1]) > SKEW * abs(matrix[0, 0]):
            raise ViewsError(f"{key} is not a matrix of a lens without skew.")
        plain |= {"fl_x": matrix[0, 0], "fl_y": matrix[1, 1], "cx": matrix[0, 2], "cy": matrix[1, 2]}
    return plain


def check_keys(stated: Mapping[str, Any], notes: list[str]) -> None:
    """ViewsError for a key that changes what is seen and that is not used here; a note for one that hardly does."""
    for key in REFUSED:
        value = stated.get(key)
        if value and not (isinstance(value, (int, float)) and abs(value) < 1e-9):
            raise ViewsError(f"{key} cannot be used.", "Undistort the images, or state fl_x, fl_y, cx and cy.")
    for key, note in NOT_USED.items():
        value = stated.get(key)
        if any(value) if isinstance(value, list) else value:
            add(notes, note)


def read_focals(stated: Mapping[str, Any], width: int, height: int, notes: list[str]) -> tuple[float, float]:
    """Focal lengths across and down, in pixels; one stands for both where the other is not stated."""
    across, down = read_focal(stated, "x", width, notes), read_focal(stated, "y", height, notes)
    if across is None and down is None:
        raise ViewsError("There is no focal length.", f"State one of {', '.join(FOCALS)}.")
    return across or down or 0.0, down or across or 0.0


def read_focal(stated: Mapping[str, Any], axis: str, side: int, notes: list[str]) -> float | None:
    """The focal length in pixels along an axis, from a length or the view's angle over `side` pixels."""
    found: dict[str, float] = {}
    for key in (f"fl_{axis}", f"f{axis}"):
        if key in stated:
            found[key] = number(stated[key], key)
            if not found[key] > 0:
                raise ViewsError(f"{key} is {found[key]:g}; it must be more than 0.")
    for key, unit, limit in (
        (f"camera_angle_{axis}", 1.0, "pi radians"),
        (f"{axis}_fov", math.pi / 180, "180 degrees"),
    ):
        if key in stated:
            angle = number(stated[key], key)
            if not 0 < angle * unit < math.pi:
                raise ViewsError(f"{key} is {angle:g}; it must lie between 0 and {limit}.")
            found[key] = side / 2 / math.tan(angle * unit / 2)
    if not found:
        return None
    used, length = next(iter(found.items()))
    for key, other in found.items():
        if abs(other / length - 1) > SPREAD:
            add(notes, f"{used} and {key} contradict each other; {used} is used.")
    return length


def read_distortion(
    stated: Mapping[str, Any],
) -> tuple[Literal["perspective", "fisheye"], tuple[float, ...], tuple[float, float]]:
    """Model, radial and tangential coefficients."""
    name = str(stated.get("camera_model") or ("OPENCV_FISHEYE" if stated.get("is_fisheye") else "OPENCV")).upper()
    if name not in MODELS:
        raise ViewsError(f"Cameras of the model {name[:40]} cannot be used.", "Undistort the images first.")
    model = MODELS[name]
    radial = tuple(number(stated.get(f"k{i}") or 0.0, f"k{i}") for i in range(1, 7))
    p1, p2 = (number(stated.get(key) or 0.0, key) for key in ("p1", "p2"))
    while radial and not radial[-1]:
        radial = radial[:-1]
    if model == "fisheye" and (len(radial) > 4 or p1 or p2):
        raise ViewsError("A fisheye lens with more than k1 to k4 cannot be used.")
    if model == "perspective" and len(radial) > 3 and name != "FULL_OPENCV":  # programs disagree on what k4 means
        raise ViewsError(f"k4 to k6 cannot be used with the camera model {name}.", "Undistort the images first.")
    return model, radial, (p1, p2)


def number(value: Any, name: str) -> float:
    """A finite number; ViewsError."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ViewsError(f"{name} must be a number.")
    return float(value)

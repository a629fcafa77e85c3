# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and writes posed views in the NeRF-synthetic form: a folder with transforms.json and the images it names."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from ..interface.errors import ImageError
from ..interface.files import LARGEST_JSON, read_json
from ..interface.parameters import ParameterError
from ..rendering.cameras import Camera
from .image import encode_png, read_array, read_image

NAMES = ("transforms.json", "transforms_train.json")
MAX_VIEWS = 512
NPZ = b"PK"  # how an npz file begins
MAX_TOTAL_PIXELS = 64_000_000  # of all views together: a gigabyte as float32
TOLERANCE = 1e-2  # by which a camera's axes may miss being orthonormal
REMEDY = "The folder must be in the NeRF-synthetic form: transforms.json with camera_angle_x and frames."


class ViewsError(ValueError):
    """The folder of views cannot be used; `remedy` says what to do."""

    remedy = REMEDY


def read_views(folder: Path, scale: float = 1.0) -> tuple[np.ndarray, list[Camera]]:
    """Images float32 (V, H, W, 4), straight alpha, sRGB, and their cameras; ViewsError, ImageError.

    The file's cameras are already in our frame (Z up, OpenGL axes). `scale` multiplies their positions: the object has
    to lie inside [-0.5, 0.5]^3.
    """
    content = read_transforms(folder)
    fov_x = number(content.get("camera_angle_x"), "camera_angle_x")
    if not 0 < fov_x < math.pi:
        raise ViewsError(f"camera_angle_x is {fov_x:g}; it must lie between 0 and pi radians.")
    frames = content.get("frames")
    if not isinstance(frames, list) or not 1 <= len(frames) <= MAX_VIEWS:
        raise ViewsError(f"There must be 1 to {MAX_VIEWS} frames.")
    images: list[np.ndarray] = []
    cameras = []
    for index, frame in enumerate(frames):
        if not isinstance(frame, dict):
            raise ViewsError(f"Frame {index} is not an object.")
        images.append(read_image(find_image(folder, frame.get("file_path"), index)))
        height, width = images[-1].shape[:2]
        if images[-1].shape != images[0].shape:
            raise ViewsError(f"Frame {index} has {width} x {height} pixels, the first one has another size.")
        if height * width * len(frames) > MAX_TOTAL_PIXELS:
            raise ViewsError(f"{len(frames)} views of {width} x {height} are too many; scale the images down.")
        fov_y = 2 * math.atan(math.tan(fov_x / 2) * height / width)
        cameras.append(
            Camera(
                torch.from_numpy(pose(frame.get("transform_matrix"), index, scale)), math.degrees(fov_y), width, height
            )
        )
    return np.stack(images), cameras


def read_attached(files: list[bytes], cameras: Any) -> tuple[list[np.ndarray], list[Camera]]:
    """Images float32 (H, W, 4), each of its own size, and their cameras {cam_to_world, fov_deg}, the vertical field of
    view; ViewsError, ImageError."""
    if not isinstance(cameras, list) or not 2 <= len(files) == len(cameras):
        raise ViewsError("There must be two or more views, and a camera for each of them.")
    images, read, pixels = [], [], 0
    for index, (data, camera) in enumerate(zip(files, cameras, strict=True)):
        if not isinstance(camera, dict):
            raise ViewsError(f"Camera {index} is not an object.")
        fov = number(camera.get("fov_deg"), f"fov_deg of camera {index}")
        if not 0 < fov < 180:
            raise ViewsError(f"fov_deg of camera {index} is {fov:g}; it must lie between 0 and 180.")
        images.append(read_array(data) if data.startswith(NPZ) else read_image(data))
        height, width = images[-1].shape[:2]
        pixels += height * width
        if pixels > MAX_TOTAL_PIXELS:
            raise ViewsError("The views have too many pixels together; scale the images down.")
        matrix = torch.from_numpy(pose(camera.get("cam_to_world"), index, 1.0))
        read.append(Camera(matrix, fov, width, height))
    return images, read


def align(images: list[np.ndarray], cameras: list[Camera], size: int) -> tuple[np.ndarray, list[Camera]]:
    """Images of any shapes and lenses -> squares float32 (V, size, size, 4) with the widest field of view of all.

    Pixels outside an image become transparent.
    """
    reach = max(max(c.width, c.height) / 2 / c.focal for c in cameras)
    fov = 2 * math.degrees(math.atan(reach))
    squares = []
    for image, camera in zip(images, cameras, strict=True):
        side = 2 * camera.focal * reach
        premultiplied = np.concatenate([image[..., :3] * image[..., 3:], image[..., 3:]], -1)
        whole = max(round(side), camera.width, camera.height)
        top, left = (whole - camera.height) // 2, (whole - camera.width) // 2
        square = np.zeros((whole, whole, 4), np.float32)
        square[top : top + camera.height, left : left + camera.width] = premultiplied
        small = F.interpolate(
            torch.from_numpy(square).permute(2, 0, 1)[None], (size, size), mode="bilinear", antialias=True
        )[0].permute(1, 2, 0)
        squares.append(torch.cat([small[..., :3] / small[..., 3:].clamp(min=1e-6), small[..., 3:]], -1).clamp(0, 1))
    return torch.stack(squares).numpy(), [Camera(c.cam_to_world, fov, size, size) for c in cameras]


def read_transforms(folder: Path) -> dict[str, Any]:
    """The content of the folder's transforms.json."""
    path = next((folder / name for name in NAMES if (folder / name).is_file()), None)
    if path is None:
        raise ViewsError(f"There is no {NAMES[0]} in {folder}.")
    content = read_json(path)
    if content is None:
        raise ViewsError(f"{path.name} is damaged, or larger than {LARGEST_JSON >> 20} MB.")
    return content


def number(value: Any, name: str) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ViewsError(f"{name} must be a number.")
    return float(value)


def find_image(folder: Path, name: Any, index: int) -> Path:
    """The file that a frame names, with or without its ending. It must lie in the folder."""
    if not isinstance(name, str) or not name or "\0" in name:
        raise ViewsError(f"Frame {index} has no file_path.")
    for ending in ("", ".png", ".jpg", ".jpeg", ".webp"):
        path = folder / (name + ending)
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ViewsError(f"Frame {index} names a file outside the folder: {name[:100]}")
        if path.is_file():
            return path
    raise ImageError(f"There is no image {name[:100]} in {folder}.", "Check file_path in transforms.json.")


def pose(matrix: Any, index: int, scale: float) -> np.ndarray:
    """Camera-to-world (4, 4) float32 of a frame: a rotation and a position."""
    try:
        values = np.array(matrix, np.float64)
    except (ValueError, TypeError, OverflowError):
        values = np.empty(0)
    if values.shape != (4, 4) or not np.isfinite(values).all():
        raise ViewsError(f"transform_matrix of frame {index} is not a 4 x 4 matrix of numbers.")
    rotation = values[:3, :3]
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=TOLERANCE) or np.linalg.det(rotation) < 0:
        raise ViewsError(f"transform_matrix of frame {index} is not a camera's pose: its axes are skewed or mirrored.")
    values[:3, 3] *= scale
    return values.astype(np.float32)


def check_folder(folder: Path) -> None:
    """ParameterError unless the folder is new or empty: nothing is overwritten."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ParameterError(f"{folder} is not empty. Choose a new folder.")


def write_views(folder: Path, views: np.ndarray, cameras: list[Camera]) -> None:
    """Images float32 RGBA (V, H, W, 4) and their cameras, of one lens, for `read_views`. OSError, ParameterError."""
    check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    camera, frames = cameras[0], []
    for i, (view, seen) in enumerate(zip(views, cameras, strict=True)):
        (folder / f"view_{i:02}.png").write_bytes(encode_png(view))
        frames.append({"file_path": f"view_{i:02}.png", "transform_matrix": seen.cam_to_world.tolist()})
    fov_x = 2 * math.atan(math.tan(math.radians(camera.fov_deg) / 2) * camera.width / camera.height)
    content = {"camera_angle_x": fov_x, "frames": frames}
    (folder / NAMES[0]).write_text(json.dumps(content, indent=1), "utf-8")

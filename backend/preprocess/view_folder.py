# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes posed views in the NeRF-synthetic form: a folder with transforms.json and the images that it names."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

from ..interface.parameters import ParameterError
from ..rendering.cameras import Camera
from .image import encode_png
from .views import NAMES


def check_folder(folder: Path) -> None:
    """ParameterError where views cannot be written: nothing is overwritten."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ParameterError(f"{folder} is no empty folder. Choose a new one.")


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

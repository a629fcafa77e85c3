# SPDX-License-Identifier: GPL-3.0-or-later
"""COLMAP's models, cameras and images as text or binary files, in the keys of transforms.json."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from .poses import FLIP, ViewsError

PLACES = (".", "sparse/0", "sparse", "colmap/sparse/0")  # of the model in the folder of views
LARGEST = 512 << 20  # bytes of a file
F, FX = ("fl_x", "cx", "cy"), ("fl_x", "fl_y", "cx", "cy")
MODELS: dict[str, tuple[str, ...]] = {  # names in the order of their numbers, and of their parameters
    "SIMPLE_PINHOLE": F,
    "PINHOLE": FX,
    "SIMPLE_RADIAL": (*F, "k1"),
    "RADIAL": (*F, "k1", "k2"),
    "OPENCV": (*FX, "k1", "k2", "p1", "p2"),
    "OPENCV_FISHEYE": (*FX, "k1", "k2", "k3", "k4"),
    "FULL_OPENCV": (*FX, "k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"),
    "FOV": (*FX, "omega"),
    "SIMPLE_RADIAL_FISHEYE": (*F, "k1"),
    "RADIAL_FISHEYE": (*F, "k1", "k2"),
    "THIN_PRISM_FISHEYE": (*FX, "k1", "k2", "p1", "p2", "k3", "k4", "s1", "s2"),
}


def find_model(folder: Path) -> Path | None:
    """The folder of a COLMAP model in a folder of views."""
    kept = [folder / place for place in PLACES]
    return next((place for place in kept if any((place / f"images.{kind}").is_file() for kind in ("bin", "txt"))), None)


def read_model(model: Path, folder: Path) -> dict[str, Any]:
    """The frames of a model, as transforms.json has them. Images lie in folder/images, else in the folder. Raises
    ViewsError."""
    kind = "bin" if (model / "images.bin").is_file() else "txt"
    try:
        if any((model / f"{name}.{kind}").stat().st_size > LARGEST for name in ("cameras", "images")):
            raise ViewsError(f"The COLMAP model in {model} is larger than {LARGEST >> 20} MB.")
        lenses = dict((binary_cameras if kind == "bin" else text_cameras)(model / f"cameras.{kind}"))
        images = sorted((binary_images if kind == "bin" else text_images)(model / f"images.{kind}"))
        inside = "images/" if (folder / "images").is_dir() else ""
        frames = [
            {"file_path": inside + name, "transform_matrix": camera_to_world(values).tolist()} | lenses[camera]
            for name, camera, values in images
        ]
    except (OSError, ValueError, KeyError, IndexError, struct.error) as error:
        if isinstance(error, ViewsError):
            raise
        raise ViewsError(f"The COLMAP model in {model} is damaged or incomplete.", "Export it again.") from error
    return {"frames": frames}


def camera_to_world(values: tuple[float, ...]) -> np.ndarray:
    """Pose (4, 4) with OpenGL's axes of COLMAP's world-to-camera quaternion (w, x, y, z) and translation."""
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_quat([*values[1:4], values[0]]).as_matrix()
    pose[:3, 3] = values[4:7]
    return np.linalg.inv(pose) @ FLIP


def lens_keys(model: str, width: int, height: int, values: tuple[float, ...]) -> dict[str, Any]:
    """The keys of a lens. ValueError where their number is wrong."""
    keys = dict(zip(MODELS.get(model, ()), values, strict=model in MODELS))
    return {"camera_model": model, "w": width, "h": height} | keys


def rows(path: Path) -> list[str]:
    """A text file's lines without comments. Some may be empty."""
    return [line for line in path.read_text("utf-8", "surrogateescape").splitlines() if not line.startswith("#")]


def text_cameras(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Numbers and lenses of cameras.txt."""
    for row in filter(str.strip, rows(path)):
        number, model, width, height, *values = row.split()
        yield int(number), lens_keys(model, int(width), int(height), tuple(map(float, values)))


def text_images(path: Path) -> Iterator[tuple[str, int, tuple[float, ...]]]:
    """Names, cameras, and quaternions with translations of images.txt, where every other line lists points."""
    for row in filter(str.strip, rows(path)[::2]):
        _, *values, camera, name = row.split(maxsplit=9)
        yield name.strip(), int(camera), tuple(map(float, values))


def binary_cameras(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Numbers and lenses of cameras.bin."""
    data, names = path.read_bytes(), list(MODELS)
    at = 8
    for _ in range(*struct.unpack_from("<Q", data)):
        number, model, width, height = struct.unpack_from("<iiQQ", data, at)
        if not 0 <= model < len(names):
            raise ViewsError(f"COLMAP's camera model {model} cannot be used.", "Undistort the images first.")
        count = len(MODELS[names[model]])
        yield number, lens_keys(names[model], width, height, struct.unpack_from(f"<{count}d", data, at + 24))
        at += 24 + 8 * count


def binary_images(path: Path) -> Iterator[tuple[str, int, tuple[float, ...]]]:
    """Names, cameras, and quaternions with translations of images.bin."""
    data, at = path.read_bytes(), 8
    for _ in range(*struct.unpack_from("<Q", data)):
        _, *values, camera = struct.unpack_from("<i7di", data, at)
        end = data.index(b"\0", at + 64)
        (points,) = struct.unpack_from("<Q", data, end + 1)
        yield data[at + 64 : end].decode("utf-8", "surrogateescape"), camera, tuple(values)
        at = end + 9 + 24 * points

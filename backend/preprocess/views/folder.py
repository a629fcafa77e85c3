# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and writes posed views: a folder with transforms.json, or a COLMAP model, and images; or what Blender sends."""

from __future__ import annotations

import hashlib
import json
import math
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from ...interface.errors import ImageError, showable
from ...interface.files import LARGEST_JSON, read_json
from ...interface.network_paths import other_computer
from ...interface.parameters import ParameterError
from ...rendering.cameras import Camera
from ...rendering.lens import Lens, ViewCamera
from ..image import WORKING_SIDE, encode_png, open_image, read_array, read_bytes, read_image
from .blocks import average_blocks
from .colmap import find_model, read_model
from .intrinsics import number, read_lens
from .poses import ViewsError, check_places, read_pose

NAMES = ("transforms.json", "transforms_train.json")
ENDINGS = ("", ".png", ".jpg", ".jpeg", ".webp", ".PNG", ".JPG", ".JPEG")
MAX_VIEWS = 512
NPZ = b"PK"  # how an npz file begins
MAX_TOTAL_PIXELS = 64_000_000  # of all views together, a gigabyte as float32; more are averaged down
BESIDE = "Put the images beside transforms.json."
SAME_IMAGE = "Some views show the same image. Check file_path of the frames."
SAME_CAMERA = "Some views have the same camera. Check transform_matrix of the frames."


@dataclass
class Views:
    """Pictures float32 (H, W, 4), straight alpha, sRGB, each of its own size; their cameras; sentences on what was
    guessed."""

    images: list[np.ndarray] = field(default_factory=list)
    cameras: list[ViewCamera] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, image: np.ndarray, pose: np.ndarray, lens: Lens, count: int) -> None:
        """Add one of `count` views, smaller where all together would have too many pixels."""
        factor = math.ceil(math.sqrt(image.shape[0] * image.shape[1] * count / MAX_TOTAL_PIXELS))
        image = average_blocks(image, factor)
        lens = lens.resized(image.shape[1], image.shape[0], 1 / factor, 1 / factor)
        self.images.append(image)
        self.cameras.append(ViewCamera(pose, lens))

    def check(self) -> Views:
        """The views, with a note where some are the same. ViewsError where one place is all that they see from."""
        check_places([camera.cam_to_world for camera in self.cameras])
        digests = [hashlib.sha256(image.tobytes()).digest() for image in self.images]
        poses = np.round([camera.cam_to_world for camera in self.cameras], 6) + 0.0
        if len(set(digests)) < len(digests):
            self.notes.append(SAME_IMAGE)
        if len({pose.tobytes() for pose in poses}) < len(poses):
            self.notes.append(SAME_CAMERA)
        return self

    def inputs(self) -> dict[str, Any]:
        """The inputs of an engine."""
        return {"views": self.images, "cameras": self.cameras, "warnings": self.notes}


def read_views(source: Path, scale: float = 1.0) -> Views:
    """The views of a folder with transforms.json, or of such a file; ViewsError, ImageError.

    The file's world is ours (Z up, OpenGL camera axes). `scale` multiplies the cameras' positions, and so the mesh.
    """
    content, folder = read_transforms(source), source.parent if source.is_file() else source
    frames = content.get("frames")
    if not isinstance(frames, list) or not 1 <= len(frames) <= MAX_VIEWS:
        raise ViewsError(f"There must be 1 to {MAX_VIEWS} frames.")
    if not all(isinstance(frame, dict) for frame in frames):
        raise ViewsError("A frame is not an object.")
    views, shared = Views(), {key: value for key, value in content.items() if key != "frames"}
    poses = [
        read_pose(frame.get("transform_matrix"), f"transform_matrix of frame {index}", views.notes)
        for index, frame in enumerate(frames)
    ]
    check_places(poses)
    for index, (frame, pose) in enumerate(zip(frames, poses, strict=True)):
        path = find_image(folder, frame.get("file_path"), index)
        mask = find_image(folder, frame["mask_path"], index) if frame.get("mask_path") else None
        pose[:3, 3] *= scale
        try:
            image, lens = read_frame(frame, shared, path, views.notes)
            image = image if mask is None else masked(image, mask)
        except (ViewsError, ImageError) as error:
            raise type(error)(f"Frame {index}: {error}", error.remedy) from error
        views.add(image, pose, lens, len(frames))
    return views.check()


def read_frame(frame: dict[str, Any], shared: dict[str, Any], path: Path, notes: list[str]) -> tuple[np.ndarray, Lens]:
    """The image of a frame and the lens for it as it was read; ViewsError, ImageError."""
    data = read_bytes(path)
    with open_image(data) as opened:
        size = opened.size
    lens, factor = read_lens(frame, shared, size, notes), -(-max(size) // WORKING_SIDE)
    image = read_image(data, upright=False, warnings=notes)
    return image, lens.resized(image.shape[1], image.shape[0], 1 / factor, 1 / factor)


def masked(image: np.ndarray, path: Path) -> np.ndarray:
    """The image, transparent where a mask of the same proportions is black."""
    from PIL import Image

    grey = Image.fromarray(read_image(path, upright=False)[..., 0])
    cover = np.asarray(grey.resize(image.shape[1::-1], Image.Resampling.BOX))
    return np.concatenate([image[..., :3], image[..., 3:] * cover[..., None]], -1)


def read_attached(files: list[bytes], cameras: Any) -> Views:
    """The views of image files and their cameras {cam_to_world, fov_deg}, the vertical field of view, or with the keys
    of a lens that transforms.json has; ViewsError, ImageError."""
    if not isinstance(cameras, list) or not 2 <= len(files) == len(cameras):
        raise ViewsError("There must be two or more views, and a camera for each of them.")
    views = Views()
    for index, (data, camera) in enumerate(zip(files, cameras, strict=True)):
        if not isinstance(camera, dict):
            raise ViewsError(f"Camera {index} is not an object.")
        image = read_array(data) if data.startswith(NPZ) else read_image(data, upright=False, warnings=views.notes)
        keys = {key: value for key, value in camera.items() if key != "fov_deg"}
        if camera.get("fov_deg") is not None:
            keys["y_fov"] = number(camera["fov_deg"], f"fov_deg of camera {index}")
        pose = read_pose(camera.get("cam_to_world"), f"cam_to_world of camera {index}", views.notes)
        views.add(image, pose, read_lens(keys, {}, image.shape[1::-1], views.notes), len(files))
    return views.check()


def read_transforms(source: Path) -> dict[str, Any]:
    """The content of a folder's transforms.json, or of such a file; of a folder without one, its COLMAP model."""
    path = source if source.is_file() else next((source / n for n in NAMES if (source / n).is_file()), None)
    if path is None and (model := find_model(source)) is not None:
        return read_model(model, source)
    if path is None:
        raise ViewsError(f"There is no {NAMES[0]} in {source}.", "Choose the folder that has it, or a COLMAP model.")
    content = read_json(path)
    if content is None:
        raise ViewsError(f"{path.name} is damaged, or larger than {LARGEST_JSON >> 20} MB.", "Export it again.")
    return content


def find_image(folder: Path, name: Any, index: int) -> Path:
    """The file that a frame names, with or without its ending. It must lie in the folder.

    A name that leaves the folder is not even looked at: it might lie on another machine.
    """
    if not isinstance(name, str) or not name or showable(name) != name:
        raise ViewsError(f"Frame {index} has no file_path.", "Check file_path of all frames.")
    if other_computer(name):
        raise ViewsError(f"Frame {index} names a file on another computer: {name[:100]}", BESIDE)
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or PureWindowsPath(name).drive:
        root = PurePosixPath(folder.absolute().as_posix())
        parts = parts.relative_to(root) if parts.is_relative_to(root) else PurePosixPath("..")
    with suppress(OSError):  # the name is too long
        for ending in ENDINGS if ".." not in parts.parts else ():
            path = folder / f"{parts}{ending}"
            if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
                return path
        if ".." in parts.parts or (folder / parts).is_symlink():
            raise ViewsError(f"Frame {index} names a file outside the folder: {name[:100]}", BESIDE)
    raise ImageError(f"There is no image {name[:100]} in {folder}.", "Check file_path in transforms.json.")


def check_folder(folder: Path) -> None:
    """ParameterError unless the folder is new or empty: nothing is overwritten."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ParameterError(f"{folder} is not empty.", "Choose a new folder.")


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

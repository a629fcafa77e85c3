# SPDX-License-Identifier: GPL-3.0-or-later
"""Files' bytes as images in Blender."""

import tempfile
from pathlib import Path

import bpy
import numpy as np

from ...base import exif


def load(data: bytes, name: str) -> bpy.types.Image:
    """A PNG file's bytes as an image that is packed into the artist's file. RuntimeError, OSError."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.png"
        path.write_bytes(data)
        image = bpy.data.images.load(str(path))
        image.pack()
    image.name, image.filepath_raw = name, ""
    return image


def turned(image: bpy.types.Image, number: int) -> bpy.types.Image:
    """A copy of an image of 8 bits, packed, whose pixels are turned by EXIF's number."""
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    upright = exif.turn(pixels.reshape(height, width, 4)[::-1], number)
    copy = bpy.data.images.new(image.name, upright.shape[1], upright.shape[0], alpha=True)
    copy.pixels.foreach_set(np.ascontiguousarray(upright[::-1]).reshape(-1))
    copy.pack()
    return copy


def small(image: bpy.types.Image, side: int) -> np.ndarray:
    """Every n-th pixel of an image, uint8 (H, W, 3), first row on top, no side above `side`."""
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    step = -(-max(width, height) // side)
    return np.rint(255 * pixels.reshape(height, width, 4)[::-step, ::step, :3]).astype(np.uint8)

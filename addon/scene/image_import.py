# SPDX-License-Identifier: GPL-3.0-or-later
"""Files' bytes as images in Blender."""

import tempfile
from pathlib import Path

import bpy


def load(data: bytes, name: str) -> bpy.types.Image:
    """A PNG file's bytes as an image that is packed into the artist's file. RuntimeError, OSError."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.png"
        path.write_bytes(data)
        image = bpy.data.images.load(str(path))
        image.pack()
    image.name, image.filepath_raw = name, ""
    return image

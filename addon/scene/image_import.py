# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of a prompt, as an image in Blender that is the next mesh's input."""

import tempfile
from pathlib import Path

import bpy

from ..base.trouble import Trouble
from ..jobs.job import Job
from . import mesh_import


def add(job: Job, scene: bpy.types.Scene) -> None:
    """Make it the scene's chosen image, packed, beside those that are there. Raises Trouble."""
    try:
        image = load(job.images[0], job.name)
        scene.image_to_mesh.source, scene.image_to_mesh.image = "IMAGE", image
        mesh_import.push_undo("Make Image")
    except (OSError, RuntimeError, AttributeError) as error:  # the last one of a linked scene
        told = " ".join(str(error).split())
        raise Trouble(f"The picture is done, but Blender did not take it: {told}", "Make it again", "moved") from error


def load(data: bytes, name: str) -> bpy.types.Image:
    """A PNG file's bytes as an image that is packed into the artist's file. RuntimeError, OSError."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        path.write_bytes(data)
        image = bpy.data.images.load(str(path))
        image.pack()
    image.name, image.filepath_raw = name, ""
    return image

# SPDX-License-Identifier: GPL-3.0-or-later
"""An image's pixels in sRGB, whatever color space the image has and the file works in."""

import os
import tempfile
from pathlib import Path

import bpy
import numpy as np

from ...base import arrays, compat
from ...base.trouble import Trouble
from ...jobs.process import Attachments

SRGB = "sRGB"
TILE = "1001"  # the first tile of a tiled image


def is_srgb(image: bpy.types.Image) -> bool:
    """Whether the image's file shows what Blender shows: sRGB, with straight alpha."""
    return image.colorspace_settings.name == SRGB and image.alpha_mode == "STRAIGHT"


def read_pixels(image: bpy.types.Image) -> Attachments:
    """The pixels of an image that Blender holds. Raises Trouble."""
    space = image.colorspace_settings
    is_linear = image.is_float and not space.is_data
    known = compat.works_in_rec709() if is_linear else space.is_data or space.name == SRGB
    return encode(image, is_linear) if known else convert(image)


def encode(image: bpy.types.Image, is_linear: bool) -> Attachments:
    """The pixels as they are, or from linear Rec. 709, without Blender waiting for it."""
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    if len(image.pixels) != pixels.size:
        raise Trouble(f"The image {image.name} cannot be read", "Save it as PNG and choose the file", "input")
    image.pixels.foreach_get(pixels)
    return lambda: {"image": arrays.encode_image(pixels.reshape(height, width, 4), is_linear)}


def convert(image: bpy.types.Image) -> Attachments:
    """The image as Blender's color management turns it into sRGB. Raises Trouble."""
    scene = next(scene for scene in bpy.data.scenes if not scene.library)
    is_tiled = image.source == "TILED"
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "image.<UDIM>.tga" if is_tiled else "image.tga")
        try:
            with compat.image_output(scene, "TARGA_RAW"), compat.plain_view(scene):
                image.save_render(path, scene=scene)
            data = Path(path.replace("<UDIM>", TILE)).read_bytes()
        except (RuntimeError, OSError) as error:
            message = f"The image {image.name} cannot be read"
            raise Trouble(message, "Save it as PNG and choose the file", "input") from error
    return lambda: {"image_file": data}

# SPDX-License-Identifier: GPL-3.0-or-later
"""The artist's image on its way to the backend."""

import io

import bpy
import numpy as np
from stage import RESOURCES, cases, extension, raises_trouble


def sent_pixels(image):
    """The pixels (H, W, 4) that are sent of an image that is no file."""
    return np.load(io.BytesIO(extension.input_image.read_image(image)()["image"]))["image"]


def check_a_painted_image_is_sent_as_its_pixels():
    painted = bpy.data.images.new("painted", 2, 1, alpha=True)
    painted.pixels[:] = (1, 0, 0, 1, 0, 0.5, 0, 0.25)
    np.testing.assert_allclose(sent_pixels(painted), [[(1, 0, 0, 1), (0, 0.5, 0, 0.25)]], atol=0.003)


def check_an_opened_or_packed_image_is_sent_as_its_file():
    read, path = extension.input_image.read_image, RESOURCES / "saved.png"
    painted = bpy.data.images.new("painted", 2, 1, alpha=True)
    painted.save(filepath=str(path))
    opened = bpy.data.images.load(str(path))
    assert read(opened)() == {"image_file": path.read_bytes()}
    opened.pack()
    path.unlink()
    assert read(opened)()["image_file"][:4] == b"\x89PNG"


def check_a_float_image_is_sent_as_srgb():
    bright = bpy.data.images.new("float", 1, 1, alpha=True, float_buffer=True)
    bright.pixels[:] = (0.25, 0.25, 0.25, 0.5)
    np.testing.assert_allclose(sent_pixels(bright)[0, 0], (0.7354, 0.7354, 0.7354, 0.5), atol=1e-3)


def check_an_image_whose_file_is_gone_is_explained():
    gone = bpy.data.images.new("gone", 1, 1)
    gone.source, gone.filepath = "FILE", str(RESOURCES / "gone.png")
    assert "gone" in raises_trouble(extension.input_image.read_image, gone).message


@cases(missing=("nothing.png", "cannot be opened"), folder=("", "not an image"))
def check_a_file_that_is_no_image_is_explained(name, words):
    assert words in raises_trouble(extension.input_image.read_file, RESOURCES / name).message


def check_the_last_render_is_read_and_the_output_settings_stay():
    input_image, scene = extension.input_image, bpy.context.scene
    if not input_image.render_result():
        bpy.data.images.new("Render Result", 1, 1)
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 1, False
    scene.render.resolution_x, scene.render.resolution_y = 12, 8
    scene.render.film_transparent = True
    scene.render.image_settings.file_format = "JPEG"
    bpy.ops.render.render()
    data = input_image.read_render(scene)()["image_file"]
    width, height = int.from_bytes(data[12:14], "little"), int.from_bytes(data[14:16], "little")
    assert (data[2], width, height, data[16]) == (2, 12, 8, 32)  # a TGA that is not compressed, RGBA
    assert scene.render.image_settings.file_format == "JPEG"

# SPDX-License-Identifier: GPL-3.0-or-later
"""The artist's picture on its way to the backend, and the report."""

from pathlib import Path

import bpy
import numpy as np
from stage import RESOURCES, module


def check_images_in_blender_arrive_as_they_look():
    """A painted image through pixels, an opened or packed file through its bytes, and a float image as sRGB."""
    import io

    sources = module("addon.scene.input_image")
    painted = bpy.data.images.new("painted", 2, 1, alpha=True)
    painted.pixels[:] = (1, 0, 0, 1, 0, 0.5, 0, 0.25)
    image = np.load(io.BytesIO(sources.read_image(painted)()["image"]))["image"]
    np.testing.assert_allclose(image, [[(1, 0, 0, 1), (0, 0.5, 0, 0.25)]], atol=0.003)
    path = RESOURCES / "saved.png"
    painted.save(filepath=str(path))
    opened = bpy.data.images.load(str(path))
    assert sources.read_image(opened)() == {"image_file": path.read_bytes()}
    opened.pack()
    path.unlink()
    assert sources.read_image(opened)()["image_file"][:4] == b"\x89PNG"
    bright = bpy.data.images.new("float", 1, 1, alpha=True, float_buffer=True)
    bright.pixels[:] = (0.25, 0.25, 0.25, 0.5)
    image = np.load(io.BytesIO(sources.read_image(bright)()["image"]))["image"]
    np.testing.assert_allclose(image[0, 0], (0.7354, 0.7354, 0.7354, 0.5), atol=1e-3)
    empty = bpy.data.images.new("gone", 1, 1)
    empty.source, empty.filepath = "FILE", str(RESOURCES / "gone.png")
    raises_trouble(sources.read_image, empty, "gone")
    raises_trouble(sources.read_file, RESOURCES / "nothing.png", "cannot be opened")
    raises_trouble(sources.read_file, RESOURCES, "not an image")


def check_the_last_render_is_read_and_the_output_settings_stay():
    sources, scene = module("addon.scene.input_image"), bpy.context.scene
    if not sources.render_result():
        bpy.data.images.new("Render Result", 1, 1)
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 1, False
    scene.render.resolution_x, scene.render.resolution_y = 12, 8
    scene.render.film_transparent = True
    scene.render.image_settings.file_format = "JPEG"
    bpy.ops.render.render()
    data = sources.read_render(scene)()["image_file"]
    width, height, depth, kind = int.from_bytes(data[16:20]), int.from_bytes(data[20:24]), data[24], data[25]
    assert data[:4] == b"\x89PNG" and (width, height, depth, kind) == (12, 8, 8, 6)  # kind 6: RGBA
    assert scene.render.image_settings.file_format == "JPEG"


def check_the_report_tells_enough_and_not_the_home_folder():
    text = module("addon.operators.bug_report").report()
    assert bpy.app.version_string in text and "Log:" in text and str(Path.home()) not in text
    bpy.ops.image_to_mesh.show_log()
    assert "Image to Mesh Log" in bpy.data.texts


def raises_trouble(call, argument, words):
    try:
        call(argument)
    except module("addon.base.trouble").Trouble as trouble:
        assert words in trouble.message and trouble.remedy, trouble
    else:
        raise AssertionError("no trouble")

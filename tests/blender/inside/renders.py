# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders by Cycles, and how much two masks have in common."""

import bpy
import numpy as np
from stage import RESOURCES


def render(ob, seen_from, span, size, sky=None, samples=4, lights=()):
    """RGBA 0..1 of the display (height, width, 4), first row on top, of the object alone.

    seen_from: location and rotation of an orthographic camera that shows `span` metres. sky: the world's colour.
    """
    scene = bpy.context.scene
    lens = bpy.data.cameras.new("Eye")
    lens.type, lens.ortho_scale = "ORTHO", span
    eye = bpy.data.objects.new("Eye", lens)
    eye.location, eye.rotation_euler = seen_from
    scene.collection.objects.link(eye)
    scene.camera = eye
    if sky:
        scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = sky
    for other in bpy.data.objects:
        other.hide_render = other not in (ob, *lights)
    scene.view_settings.view_transform = "Standard"
    pixels = render_scene(*size, samples)
    bpy.data.cameras.remove(lens)
    return pixels


def render_scene(width, height, samples=4):
    """RGBA (height, width, 4) of what the scene's camera sees, first row on top."""
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", samples, False
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.filepath = str(RESOURCES / "render.png")
    bpy.ops.render.render(write_still=True)
    return read_file(scene.render.filepath)


def render_mask(width, height):
    """Pixels (height, width) where the scene's camera sees anything."""
    bpy.context.scene.render.film_transparent = True
    return render_scene(width, height)[..., 3] > 0.5


def read_file(path):
    """RGBA 0..1 (H, W, 4) of an image file, first row on top."""
    image = bpy.data.images.load(str(path))
    pixels = pixels_of(image)
    bpy.data.images.remove(image)
    return pixels


def pixels_of(image):
    """RGBA (H, W, 4) of one of Blender's images, first row on top."""
    width, height = image.size
    return np.array(image.pixels[:]).reshape(height, width, 4)[::-1]


def overlap(a, b):
    """Intersection over union of two masks."""
    return (a & b).sum() / (a | b).sum()

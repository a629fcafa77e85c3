# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of objects by Cycles, in a scene of their own, which is gone when the picture is taken.

Even white light from everywhere, so that what is seen is the materials' own colour, before nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from ..base import cameras, compat
from ..base.trouble import Trouble

SAMPLES = 16
NAME = "Image to Mesh Photograph"


def photograph(objects: list[bpy.types.Object], pose: np.ndarray, fov_deg: float, size: int) -> bytes:
    """A square PNG, RGBA, of the objects alone as they are now; Blender is held meanwhile. Raises Trouble."""
    with studio(objects, pose, fov_deg, size) as scene, tempfile.TemporaryDirectory() as folder:
        scene.render.filepath = str(Path(folder) / "view.png")
        try:
            with compat.png_output(scene):
                bpy.ops.render.render(scene=scene.name, write_still=True)
            return Path(scene.render.filepath).read_bytes()
        except (RuntimeError, OSError) as error:
            told = " ".join(str(error).split())
            raise Trouble(f"Blender could not render the view: {told}", "Try again", "input") from error


@contextmanager
def studio(objects: list[bpy.types.Object], pose: np.ndarray, fov_deg: float, size: int) -> Iterator[bpy.types.Scene]:
    """The scene, with a camera at the pose."""
    scene = bpy.data.scenes.new(NAME)
    world, lens = bpy.data.worlds.new(NAME), bpy.data.cameras.new(NAME)
    camera = bpy.data.objects.new(NAME, lens)
    try:
        check_cycles(scene)
        for ob in [camera, *objects]:
            scene.collection.objects.link(ob)
        set_up(scene, size)
        scene.world, scene.camera = world, camera
        compat.light_evenly(world)
        lens.sensor_fit, lens.lens = "HORIZONTAL", cameras.lens_for(fov_deg, lens.sensor_width)
        distance = float(np.abs(pose[:3, 3]).max())
        lens.clip_start, lens.clip_end = 1e-4 * max(distance, 1e-3), 1e3 * max(distance, 1.0)
        camera.matrix_world = Matrix(pose.tolist())
        yield scene
    finally:
        bpy.data.scenes.remove(scene)
        bpy.data.objects.remove(camera)
        bpy.data.cameras.remove(lens)
        bpy.data.worlds.remove(world)


def check_cycles(scene: bpy.types.Scene) -> None:
    """Raises Trouble."""
    if not hasattr(scene, "cycles"):
        raise Trouble("Cycles, which takes the pictures, is switched off", "Enable it under Add-ons", "environment")


def set_up(scene: bpy.types.Scene, size: int) -> None:
    """Few samples of an even light show no noise; the colours are the materials' own."""
    render = scene.render
    render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", SAMPLES, False
    render.resolution_x = render.resolution_y = size
    render.resolution_percentage, render.film_transparent = 100, True
    render.use_compositing = render.use_sequencer = False
    scene.view_settings.view_transform = "Standard"

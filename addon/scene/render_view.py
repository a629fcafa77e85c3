# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders of objects by Cycles, in a temporary scene with even white light and a transparent background, so that the
image shows the materials' own colours."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from ..base import cameras, compat
from ..base.trouble import Trouble, one_line
from . import view_cameras

SAMPLES = 16
NAME = "Image to Mesh Render"


class Renders:
    """Views of objects, rendered one by one between Blender's other work. `files` gets their PNGs.

    objects: session_uids, because an object may be gone by then. shots: (pose in the world 4 x 4, field of view in
    degrees). size: pixels a side.
    """

    def __init__(self, objects: list[bpy.types.Object], shots: list[tuple[np.ndarray, float]], size: int):
        self.objects, self.shots, self.size = [ob.session_uid for ob in objects], shots, size
        self.files: list[bytes] = []

    def steps(self) -> Iterator[tuple[int, int]]:
        """Render one view with each step; yields (views done, views of all). Raises Trouble."""
        yield 0, len(self.shots)
        for pose, fov_deg in self.shots:
            while bpy.app.is_job_running("RENDER"):
                yield len(self.files), len(self.shots)
            objects = [ob for ob in bpy.data.objects if ob.session_uid in self.objects]
            if not objects:
                raise Trouble("The objects to render have been deleted", "Select other objects", "moved")
            self.files.append(render_view(objects, view_cameras.upright(pose), fov_deg, self.size))
            yield len(self.files), len(self.shots)

    def attachments(self) -> dict[str, bytes]:
        """The files under the names that the backend reads."""
        return {f"view_{number:03}": data for number, data in enumerate(self.files)}


def render_view(objects: list[bpy.types.Object], pose: np.ndarray, fov_deg: float, size: int) -> bytes:
    """A square RGBA PNG of the objects alone as they are now. Blender is blocked meanwhile. Raises Trouble."""
    with temporary_scene(objects, pose, fov_deg, size) as scene, tempfile.TemporaryDirectory() as folder:
        scene.render.filepath = str(Path(folder) / "view.png")
        try:
            with compat.image_output(scene, "PNG"):
                bpy.ops.render.render(scene=scene.name, write_still=True)
            return Path(scene.render.filepath).read_bytes()
        except (RuntimeError, OSError) as error:
            raise Trouble(f"Blender could not render the view: {one_line(error)}", "Try again", "input") from error


@contextmanager
def temporary_scene(
    objects: list[bpy.types.Object], pose: np.ndarray, fov_deg: float, size: int
) -> Iterator[bpy.types.Scene]:
    """A scene with the objects alone and a camera at the pose. It is removed afterwards."""
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
        raise Trouble("Cycles is disabled", "Enable it in Preferences > Add-ons", "environment")


def set_up(scene: bpy.types.Scene, size: int) -> None:
    """Render settings. Under even light few samples show no noise."""
    render = scene.render
    render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", SAMPLES, False
    render.resolution_x = render.resolution_y = size
    render.resolution_percentage, render.film_transparent = 100, True
    render.use_compositing = render.use_sequencer = False
    scene.view_settings.view_transform = "Standard"

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""View Rig: the engine's cameras as cameras of the scene, whose pictures can be rendered, replaced or painted over."""

import math
from collections.abc import Iterator

import bpy
import numpy as np
from mathutils import Matrix

from ...backend.interface.view_set import FOV_DEG, first_stage, view_set
from ..base import cameras
from ..base.trouble import Trouble
from ..jobs.job import Job
from ..scene import frame, image_import, mesh_import, render_view
from . import generate

RIG = "View Rig"
MARK = "image_to_mesh_view"  # custom property of the rig's cameras: their number


class AddViewRig(bpy.types.Operator):
    """Add the engine's cameras around the selected objects, or around the 3D cursor"""

    bl_idname = "image_to_mesh.add_view_rig"
    bl_label = "View Rig"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        settings = context.scene.image_to_mesh.views
        build(context.scene, frame.of(context), angles(settings))
        return {"FINISHED"}


class RenderViews(bpy.types.Operator):
    """Render the selected objects from each of the rig's cameras, into images behind them that can be painted over"""

    bl_idname = "image_to_mesh.render_views"
    bl_label = "Render Views"

    wait: bpy.props.BoolProperty(
        name="Wait", description="Return when the views are there", options={"HIDDEN", "SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context):
        reason = missing(context) or ("" if of_rig(context.scene) else "Add a View Rig first")
        cls.poll_message_set(reason)
        return not reason

    def execute(self, context):
        return generate.submit(self, context, make_job)


def missing(context) -> str:
    """Why nothing can be rendered, or an empty string."""
    return "" if frame.selected(context) else "Select the objects that should be seen"


def angles(settings) -> list[tuple[float, float]]:
    """(azimuth, elevation) in degrees of the chosen cameras."""
    elevation = math.degrees(settings.elevation)
    return view_set(elevation) if settings.rig == "ALL" else first_stage(elevation)


def build(scene: bpy.types.Scene, cube: np.ndarray, views: list[tuple[float, float]]) -> list[bpy.types.Object]:
    """The cameras, in a collection of their own, carried by an empty that is the engine's cube."""
    collection = bpy.data.collections.new(RIG)
    scene.collection.children.link(collection)
    carrier = bpy.data.objects.new(RIG, None)
    carrier.empty_display_type, carrier.empty_display_size = "CUBE", 0.5
    carrier.matrix_world = Matrix(cube.tolist())
    collection.objects.link(carrier)
    made = []
    for number, (azimuth, elevation) in enumerate(views):
        lens = bpy.data.cameras.new(f"View {number:02}")
        lens.sensor_fit, lens.display_size = "HORIZONTAL", 0.1
        lens.lens = cameras.lens_for(FOV_DEG, lens.sensor_width)
        camera = bpy.data.objects.new(lens.name, lens)
        camera.parent, camera[MARK] = carrier, number
        camera.matrix_basis = Matrix(cameras.orbit(azimuth, elevation).tolist())
        collection.objects.link(camera)
        made.append(camera)
    return made


def of_rig(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    return [ob for ob in scene.objects if ob.type == "CAMERA" and MARK in ob]


def make_job(context) -> Job:
    """Blender's own work: the rig's views, one at a time. Raises Trouble."""
    size, targets = context.scene.image_to_mesh.views.size, of_rig(context.scene)
    chosen = [ob.session_uid for ob in frame.selected(context)]
    shots = [(np.array(ob.matrix_world), FOV_DEG) for ob in targets]
    files: list[bytes] = []
    uids = [ob.session_uid for ob in targets]
    return Job(
        engine="",
        parameters={},
        seed=0,
        attachments=dict,
        name=RIG,
        scene=context.scene.session_uid,
        preparation=shoot(chosen, shots, size, files),
        place=lambda job, scene: hang(scene, uids, files),
    )


def shoot(chosen: list[int], shots: list[tuple], size: int, files: list[bytes]) -> Iterator[tuple[int, int]]:
    """Take one picture each time it is asked, from shots (pose in the world, fov_deg); how many there are of all.

    chosen: session_uids of the objects, which may be gone by then. Raises Trouble.
    """
    yield 0, len(shots)
    for pose, fov in shots:
        while bpy.app.is_job_running("RENDER"):
            yield len(files), len(shots)
        objects = [ob for ob in bpy.data.objects if ob.session_uid in chosen]
        if not objects:
            raise Trouble("The objects that were to be rendered are gone", "Select them again", "moved")
        files.append(render_view.photograph(objects, upright(pose), fov, size))
        yield len(files), len(shots)


def upright(pose: np.ndarray) -> np.ndarray:
    """The pose without the scale that a parent may give it."""
    return cameras.within(pose, np.eye(4))


def hang(scene: bpy.types.Scene, uids: list[int], files: list[bytes]) -> None:
    """Put each picture behind its camera, in the place of an earlier one."""
    targets = {ob.session_uid: ob for ob in scene.objects}
    for uid, data in zip(uids, files, strict=True):
        if camera := targets.get(uid):
            lens = camera.data
            lens.background_images.clear()
            background = lens.background_images.new()
            background.image, background.alpha = image_import.load(data, camera.name), 1.0
            lens.show_background_images = True
    mesh_import.push_undo("Render Views")


classes = (AddViewRig, RenderViews)
register, unregister = bpy.utils.register_classes_factory(classes)

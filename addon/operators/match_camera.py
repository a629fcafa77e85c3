# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Match Camera: a camera from which the mesh lies over the image that it was made of."""

import json
import math

import bpy
import numpy as np
from mathutils import Matrix

from ..base import cameras
from ..base.trouble import Trouble, sentences
from ..scene import frame, mesh_import

FACTS = "picture_camera"  # in a job's report: elevation_deg, radius, fov_deg, shift, size, iou


class MatchCamera(bpy.types.Operator):
    """Add a camera from which the active mesh lies over its image, with the image in its background"""

    bl_idname = "image_to_mesh.match_camera"
    bl_label = "Match Camera"
    bl_options = {"REGISTER", "UNDO"}

    resize: bpy.props.BoolProperty(
        name="Image's Proportions", description="Give the scene's renders the proportions of the image", default=True
    )

    @classmethod
    def poll(cls, context):
        reason = missing(context)
        cls.poll_message_set(reason)
        return not reason

    def execute(self, context):
        active, scene = context.active_object, context.scene
        facts = facts_of(active)
        try:
            picture = picture_of(scene, active)
        except Trouble as trouble:
            self.report({"WARNING"}, sentences(trouble.message, trouble.remedy))
            picture = None
        camera = build(active, facts, picture)
        scene.collection.objects.link(camera)
        scene.camera = camera
        if self.resize:
            width, height = facts["size"]
            scale = 1080 / max(width, height)
            scene.render.resolution_x = max(4, round(width * scale))
            scene.render.resolution_y = max(4, round(height * scale))
        self.report({"INFO"}, f"The mesh covers the image to {100 * facts['iou']:.0f} % (intersection over union)")
        return {"FINISHED"}


def missing(context) -> str:
    """Why there is no camera to match, or an empty string."""
    active = context.active_object
    if active is None or frame.cube_of(active) is None:
        return "Make a mesh the active object that was made of an image here"
    return "" if facts_of(active) else "This mesh's engine did not tell from where its image looks"


def facts_of(ob: bpy.types.Object) -> dict:
    """What the job found out about its image's camera; empty where it did not, or where it cannot be read."""
    try:
        facts = json.loads(ob[mesh_import.RECIPE])["report"][FACTS]
        numbers = [facts[name] for name in ("elevation_deg", "radius", "fov_deg", "iou")]
        pairs = [*facts["shift"], *facts["size"]]
        sound = all(type(x) in (int, float) and math.isfinite(x) for x in [*numbers, *pairs]) and len(pairs) == 4
        return facts if sound and 0 < facts["fov_deg"] < 180 and min(facts["size"]) > 0 else {}
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}


def picture_of(scene: bpy.types.Scene, ob: bpy.types.Object) -> bpy.types.Image | None:
    """The image of the version whose mesh the object has. Raises Trouble."""
    version = next((v for v in scene.image_to_mesh_versions if v.mesh == ob.data), None)
    if version is None or not (version.image or version.filepath):
        raise Trouble("The image is not in this file any more", "Set it as the camera's background", "input")
    if version.image:
        return version.image
    try:
        return bpy.data.images.load(bpy.path.abspath(version.filepath), check_existing=True)
    except RuntimeError as error:
        raise Trouble("The image's file is not there any more", "Set it as the camera's background", "input") from error


def build(ob: bpy.types.Object, facts: dict, picture: bpy.types.Image | None) -> bpy.types.Object:
    """The camera, its sensor along the picture's width, so that other proportions crop and do not scale."""
    width, height = facts["size"]
    lens = bpy.data.cameras.new(f"{ob.name} Camera")
    focal = height / 2 / math.tan(math.radians(facts["fov_deg"]) / 2)
    lens.sensor_fit, lens.lens = "HORIZONTAL", lens.sensor_width * focal / width
    lens.shift_x, lens.shift_y = facts["shift"]
    camera = bpy.data.objects.new(lens.name, lens)
    cube = frame.similarity(np.array(ob.matrix_world) @ frame.cube_of(ob))
    pose = cube @ cameras.orbit(0, facts["elevation_deg"], facts["radius"])
    camera.matrix_world = Matrix(cameras.within(pose, np.eye(4)).tolist())
    lens.clip_start = min(lens.clip_start, 0.01 * float(np.linalg.norm(cube[:3, 0])))
    if picture:
        background = lens.background_images.new()
        background.image, background.alpha, background.display_depth = picture, 0.5, "FRONT"
        lens.show_background_images = True
    return camera


def register() -> None:
    bpy.utils.register_class(MatchCamera)


def unregister() -> None:
    bpy.utils.unregister_class(MatchCamera)

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Match Camera: a camera from which a mesh covers the image that it was made from."""

import math

import bpy
import numpy as np
from mathutils import Matrix

from ..base import cameras, stored_paths
from ..base.trouble import Trouble
from ..scene import frame, mesh_import, versions, view_cameras
from ..scene.images import input_image
from .job_operator import ExplainedOperator

FACTS = "picture_camera"  # in a result's facts: elevation_deg, radius, fov_deg, shift, size, iou


class IMAGE_TO_MESH_OT_match_camera(ExplainedOperator, bpy.types.Operator):
    """Add a camera from which the active mesh covers its image, and look through it. The image is in the background"""

    bl_idname = "image_to_mesh.match_camera"
    bl_label = "Match Camera"
    bl_options = {"REGISTER", "UNDO"}

    resize: bpy.props.BoolProperty(
        name="Image Proportions",
        description="Change the render size if its proportions are not those of the image",
        default=True,
    )

    @classmethod
    def why_unavailable(cls, context) -> str:
        active = context.active_object
        if active is None or frame.cube_of(active) is None:
            return "Select a mesh that this add-on made from an image"
        return "" if facts_of(active) else "This mesh has no camera information"

    def execute(self, context):
        active, scene = context.active_object, context.scene
        facts = facts_of(active)
        try:
            image = input_image.upright(image_of(scene, active))
        except Trouble as trouble:
            self.report({"WARNING"}, trouble.sentences())
            image = None
        camera = build(active, facts, image)
        scene.collection.objects.link(camera)
        scene.camera = camera
        look_through(context)
        told = f"Camera matches {100 * facts['iou']:.0f} % of the outline"
        if self.resize and adopt_proportions(scene.render, *facts["size"]):
            told += f". Render size is now {scene.render.resolution_x} x {scene.render.resolution_y}"
        self.report({"INFO"}, told)
        return {"FINISHED"}


def look_through(context) -> None:
    """Look through the scene's camera in the 3D View of the click."""
    space = context.space_data
    if space and space.type == "VIEW_3D" and not space.use_local_camera:
        space.region_3d.view_perspective = "CAMERA"


def adopt_proportions(render: bpy.types.RenderSettings, width: float, height: float) -> bool:
    """Give renders the proportions of an image, with their longer side as it is; returns whether that changed them."""
    size = render.resolution_x, render.resolution_y
    scale = max(size) / max(width, height)
    wanted = max(4, round(width * scale)), max(4, round(height * scale))
    if abs(size[0] * wanted[1] - size[1] * wanted[0]) <= 0.5 * sum(size):  # but for rounding
        return False
    render.resolution_x, render.resolution_y = wanted
    return True


def facts_of(ob: bpy.types.Object) -> dict:
    """The camera of the image that an object was made from; empty if it is unknown, or cannot be read."""
    try:
        facts = mesh_import.provenance_of(ob)["report"][FACTS]
        numbers = [facts[name] for name in ("elevation_deg", "radius", "fov_deg", "iou")]
        pairs = [*facts["shift"], *facts["size"]]
        sound = all(type(x) in (int, float) and math.isfinite(x) for x in [*numbers, *pairs]) and len(pairs) == 4
        return facts if sound and 0 < facts["fov_deg"] < 180 and min(facts["size"]) > 0 else {}
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}


def image_of(scene: bpy.types.Scene, ob: bpy.types.Object) -> bpy.types.Image:
    """The image that the object's mesh was made from. Raises Trouble."""
    version = versions.source_of(scene, ob)
    if version is None or not (version.image or version.filepath):
        raise Trouble("The image is no longer in this file", "Set it as the camera's background", "input")
    if version.image:
        return version.image
    try:
        return bpy.data.images.load(str(stored_paths.absolute(version.filepath)), check_existing=True)
    except RuntimeError as error:
        raise Trouble("The image's file no longer exists", "Set it as the camera's background", "input") from error


def build(ob: bpy.types.Object, facts: dict, image: bpy.types.Image | None) -> bpy.types.Object:
    """The camera, its sensor along the image's width: renders of other proportions are cropped, not scaled."""
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
    if image:
        view_cameras.add_background(camera, image, alpha=0.5).display_depth = "FRONT"
    return camera


register, unregister = bpy.utils.register_classes_factory((IMAGE_TO_MESH_OT_match_camera,))

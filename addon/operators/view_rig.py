# SPDX-License-Identifier: GPL-3.0-or-later
"""View Rig: the engine's cameras as cameras of the scene, whose images can be rendered, replaced or painted over."""

import math

import bpy
import numpy as np

from ...backend.interface.view_set import FOV_DEG, first_stage, view_set
from ..jobs.job import Job, Request
from ..scene import delivery, frame, view_cameras
from ..scene.render_view import Renders
from .job_operator import ExplainedOperator, JobOperator


class IMAGE_TO_MESH_OT_add_view_rig(bpy.types.Operator):
    """Add the engine's cameras around the selected objects or the 3D cursor"""

    bl_idname = "image_to_mesh.add_view_rig"
    bl_label = "View Rig"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        view_cameras.build_rig(context.scene, frame.of(context), rig_angles(context.scene.image_to_mesh.views))
        return {"FINISHED"}


class IMAGE_TO_MESH_OT_remove_view_rig(ExplainedOperator, bpy.types.Operator):
    """Remove the cameras of the view rig and their collection. Your own cameras stay"""

    bl_idname = "image_to_mesh.remove_view_rig"
    bl_label = "Remove Rig"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def why_unavailable(cls, context) -> str:
        return "" if view_cameras.of_rig(context.scene) else "There is no View Rig"

    def execute(self, context):
        view_cameras.remove_rig(context.scene)
        return {"FINISHED"}


class IMAGE_TO_MESH_OT_render_views(JobOperator, bpy.types.Operator):
    """Render the selected objects from each camera of the rig, into background images that can be painted over"""

    bl_idname = "image_to_mesh.render_views"
    bl_label = "Render Views"

    @classmethod
    def why_unavailable(cls, context) -> str:  # needs no backend
        return nothing_selected(context) or ("" if view_cameras.of_rig(context.scene) else "Add a View Rig first")

    def make_job(self, context):
        scene, rig = context.scene, view_cameras.of_rig(context.scene)
        shots = [(np.array(camera.matrix_world), FOV_DEG) for camera in rig]
        renders = Renders(frame.selected(context), shots, scene.image_to_mesh.views.size)
        request = Request("", {}, 0, dict, view_cameras.RIG, preparation=renders.steps())
        return Job(request, delivery.RigViews(scene.session_uid, [camera.session_uid for camera in rig], renders))


def nothing_selected(context) -> str:
    """The reason why nothing can be rendered, or an empty string."""
    return "" if frame.selected(context) else "Select the objects to render"


def rig_angles(settings) -> list[tuple[float, float]]:
    """(azimuth, elevation) in degrees of the chosen cameras."""
    elevation = math.degrees(settings.elevation)
    return view_set(elevation) if settings.rig == "ALL" else first_stage(elevation)


classes = (IMAGE_TO_MESH_OT_add_view_rig, IMAGE_TO_MESH_OT_remove_view_rig, IMAGE_TO_MESH_OT_render_views)
register, unregister = bpy.utils.register_classes_factory(classes)

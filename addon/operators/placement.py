# SPDX-License-Identifier: GPL-3.0-or-later
"""Fit Selected: give meshes of the scene a height and stand them on the floor."""

import bpy

from ..scene import fitting
from .job_operator import ExplainedOperator


class IMAGE_TO_MESH_OT_fit(ExplainedOperator, bpy.types.Operator):
    """Scale the selected meshes to Height and stand them on the cursor or the floor, as Place says"""

    bl_idname = "image_to_mesh.fit"
    bl_label = "Fit Selected"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def why_unavailable(cls, context) -> str:
        return "" if movable(context) else "Select a mesh that is not linked from another file"

    def execute(self, context):
        settings = context.scene.image_to_mesh.placement
        for ob in movable(context):
            fitting.fit(ob, settings.height, fitting.floor_of(settings.place, context.scene.cursor.location.z))
        return {"FINISHED"}


def movable(context) -> list[bpy.types.Object]:
    return [ob for ob in context.selected_objects if ob.type == "MESH" and not ob.library]


register, unregister = bpy.utils.register_classes_factory((IMAGE_TO_MESH_OT_fit,))

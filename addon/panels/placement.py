# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-panel Fit to Scene."""

import bpy

from ..operators.match_camera import IMAGE_TO_MESH_OT_match_camera
from .base import FINISH, SubPanel, draw_reason, split_properties


class IMAGE_TO_MESH_PT_placement(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_placement"
    bl_parent_id = FINISH
    bl_label = "Fit to Scene"

    def draw(self, context):
        layout, settings = self.layout, context.scene.image_to_mesh.placement
        split_properties(layout)
        layout.prop(settings, "place", text="")
        column = layout.column(align=True)
        column.enabled = settings.place != "REPLACE"
        column.row(heading="Height").prop(settings, "height_automatic")
        if settings.height:
            column.prop(settings, "height", text=" ")
        layout.prop(settings, "collection")
        column = layout.column(align=True)
        column.operator("image_to_mesh.fit", icon="FULLSCREEN_EXIT")
        column.operator("image_to_mesh.straighten", icon="ORIENTATION_GLOBAL")
        draw_reason(layout, context, IMAGE_TO_MESH_OT_match_camera.why_unavailable(context))
        layout.operator("image_to_mesh.match_camera", icon="CAMERA_DATA")


register, unregister = bpy.utils.register_classes_factory((IMAGE_TO_MESH_PT_placement,))

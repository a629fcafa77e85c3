# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-panel Fit to Scene."""

import bpy

from ..operators.match_camera import IMAGE_TO_MESH_OT_match_camera
from .base import SubPanel, draw_reason, split_properties


class IMAGE_TO_MESH_PT_placement(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_placement"
    bl_label = "Fit to Scene"

    def draw(self, context):
        layout, settings = self.layout, context.scene.image_to_mesh.placement
        split_properties(layout)
        layout.prop(settings, "place")
        row = layout.row()
        row.enabled = settings.place != "REPLACE"
        row.prop(settings, "height")
        layout.prop(settings, "collection")
        row = layout.row(align=True)
        row.operator("image_to_mesh.fit", icon="FULLSCREEN_EXIT")
        row.operator("image_to_mesh.straighten", icon="ORIENTATION_GLOBAL")
        draw_reason(layout, context, IMAGE_TO_MESH_OT_match_camera.why_unavailable(context))
        layout.operator("image_to_mesh.match_camera", icon="CAMERA_DATA")


register, unregister = bpy.utils.register_classes_factory((IMAGE_TO_MESH_PT_placement,))

# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-panel Refine in Place."""

import bpy

from ..operators.refine import IMAGE_TO_MESH_OT_refine
from ..settings import engines
from ..settings.refine import refining_engine
from .base import SubPanel, draw_reason, split_properties


class IMAGE_TO_MESH_PT_refine(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_refine"
    bl_label = "Refine in Place"

    def draw(self, context):
        layout, settings, active = self.layout, context.scene.image_to_mesh, context.active_object
        split_properties(layout)
        layout.prop(settings.refine, "engine")
        if active and active.type == "MESH":
            layout.prop_search(settings.refine, "group", active, "vertex_groups")
        group = engines.group_of(settings, refining_engine(settings))
        layout.prop(group, "steps")
        layout.prop(group, "minutes")
        draw_reason(layout, context, IMAGE_TO_MESH_OT_refine.why_unavailable(context))
        layout.operator("image_to_mesh.refine", icon="SCULPTMODE_HLT")


register, unregister = bpy.utils.register_classes_factory((IMAGE_TO_MESH_PT_refine,))

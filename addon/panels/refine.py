# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-panel Refine in Place."""

import bpy

from .. import session
from ..operators.refine import IMAGE_TO_MESH_OT_refine
from ..scene import mesh_export
from ..settings import engines
from ..settings.refine import refining_engine
from .base import IMPROVE, SubPanel, draw_parameter, draw_reason, split_properties, translated


class IMAGE_TO_MESH_PT_refine(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_refine"
    bl_parent_id = IMPROVE
    bl_label = "Refine in Place"

    def draw(self, context):
        layout, settings, active = self.layout, context.scene.image_to_mesh, context.active_object
        split_properties(layout)
        layout.prop(settings.refine, "engine")
        if active and active.type == "MESH":
            layout.prop_search(settings.refine, "group", active, "vertex_groups")
        engine = refining_engine(settings)
        for name in ("steps", "minutes"):
            draw_parameter(layout, engines.group_of(settings, engine), engine.parameter(name))
        values = engines.shown_values(settings, engine) | {mesh_export.START: mesh_export.MESH}
        words = session.current().expected.words(engine, values, translate=translated)
        layout.label(text=words, icon="TIME" if words else "NONE", translate=False)
        draw_reason(layout, context, IMAGE_TO_MESH_OT_refine.why_unavailable(context))
        layout.operator("image_to_mesh.refine", icon="SCULPTMODE_HLT")


register, unregister = bpy.utils.register_classes_factory((IMAGE_TO_MESH_PT_refine,))

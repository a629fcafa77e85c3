# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-panel of Refine in Place."""

import bpy

from ..operators import refine
from ..setup import environment
from . import main
from .views import SubPanel


class RefinePanel(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_refine"
    bl_label = "Refine in Place"

    def draw(self, context):
        layout, settings, active = self.layout, context.scene.image_to_mesh, context.active_object
        layout.use_property_split, layout.use_property_decorate = True, False
        layout.prop(settings.refine, "engine")
        if active and active.type == "MESH":
            layout.prop_search(settings.refine, "group", active, "vertex_groups")
        group = getattr(settings, refine.chosen(settings).name)
        layout.prop(group, "steps")
        layout.prop(group, "minutes")
        main.draw_reason(layout, context, environment.obstacle() or refine.missing(context))
        layout.operator("image_to_mesh.refine", icon="SCULPTMODE_HLT")


def register() -> None:
    bpy.utils.register_class(RefinePanel)


def unregister() -> None:
    bpy.utils.unregister_class(RefinePanel)

# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-panel Ready to Use."""

import bpy

from ...backend.interface.print_report import FINE_WORDS, measures, problems
from ..scene import mesh_use
from .base import FINISH, SubPanel, split_properties, translated, wrapped


class IMAGE_TO_MESH_PT_finish(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_finish"
    bl_parent_id = FINISH
    bl_label = "Ready to Use"

    def draw(self, context):
        layout, settings = self.layout, context.scene.image_to_mesh.finish
        split_properties(layout)
        layout.prop(settings, "faces")
        column = layout.column(align=True)
        column.operator("image_to_mesh.decimate", icon="MOD_DECIM")
        column.operator("image_to_mesh.quad_remesh", icon="MOD_REMESH")
        draw_solid(layout, context)
        layout.prop(settings, "map_size")
        layout.prop(settings, "from_dense")
        column = layout.column(align=True)
        column.operator("image_to_mesh.bake_texture", icon="TEXTURE")
        column.operator("image_to_mesh.bake_normal_map", icon="NORMALS_FACE")
        layout.prop(settings, "angle")
        layout.operator("image_to_mesh.smooth_by_angle", icon="SMOOTHCURVE")
        layout.operator("image_to_mesh.mark_asset", icon="ASSET_MANAGER")


def draw_solid(layout, context) -> None:
    """Make Solid and Print Check, with what the check found."""
    solid, printing = context.scene.image_to_mesh.make_solid, context.scene.image_to_mesh.print_check
    column = layout.column(align=True)
    column.prop(solid, "holes")
    column.prop(solid, "remesh")
    if solid.remesh:
        column.prop(solid, "cells")
    layout.operator("image_to_mesh.make_solid", icon="MOD_SOLIDIFY")
    layout.prop(printing, "wall")
    layout.operator("image_to_mesh.print_check", icon="VIEWZOOM")
    if found := mesh_use.found_in(context.active_object):
        box = layout.box()
        for text in problems(found, translated):
            wrapped(box, context, text, icon="ERROR")
        if not problems(found):
            wrapped(box, context, FINE_WORDS, icon="CHECKMARK")
        for text in measures(found, translated):
            wrapped(box, context, text)


register, unregister = bpy.utils.register_classes_factory((IMAGE_TO_MESH_PT_finish,))

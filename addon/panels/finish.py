# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-panel Ready to Use."""

import bpy

from .base import FINISH, SubPanel, split_properties


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
        layout.prop(settings, "map_size")
        layout.prop(settings, "from_dense")
        column = layout.column(align=True)
        column.operator("image_to_mesh.bake_texture", icon="TEXTURE")
        column.operator("image_to_mesh.bake_normal_map", icon="NORMALS_FACE")
        layout.prop(settings, "angle")
        layout.operator("image_to_mesh.smooth_by_angle", icon="SMOOTHCURVE")
        layout.operator("image_to_mesh.mark_asset", icon="ASSET_MANAGER")


register, unregister = bpy.utils.register_classes_factory((IMAGE_TO_MESH_PT_finish,))

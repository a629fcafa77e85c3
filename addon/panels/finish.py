# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-panel of what makes a mesh ready to use."""

import bpy

from .views import SubPanel


class FinishPanel(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_finish"
    bl_label = "Ready to Use"

    def draw(self, context):
        layout, settings = self.layout, context.scene.image_to_mesh.finish
        layout.use_property_split, layout.use_property_decorate = True, False
        layout.prop(settings, "faces")
        row = layout.row(align=True)
        row.operator("image_to_mesh.decimate", icon="MOD_DECIM")
        row.operator("image_to_mesh.quad_remesh", icon="MOD_REMESH")
        layout.prop(settings, "map_size")
        layout.prop(settings, "from_dense")
        row = layout.row(align=True)
        row.operator("image_to_mesh.bake_texture", icon="TEXTURE")
        row.operator("image_to_mesh.bake_normal_map", icon="NORMALS_FACE")
        layout.prop(settings, "angle")
        layout.operator("image_to_mesh.smooth_by_angle", icon="SMOOTHCURVE")
        layout.operator("image_to_mesh.mark_asset", icon="ASSET_MANAGER")


def register() -> None:
    bpy.utils.register_class(FinishPanel)


def unregister() -> None:
    bpy.utils.unregister_class(FinishPanel)

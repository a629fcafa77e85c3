# SPDX-License-Identifier: GPL-3.0-or-later
"""The menu of the artist's own presets, beside Advanced."""

import bpy
from bl_ui.utils import PresetPanel

from ..operators.presets import IMAGE_TO_MESH_OT_add_preset, folder


class IMAGE_TO_MESH_PT_presets(PresetPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_presets"
    bl_label = "Presets"
    bl_space_type = "VIEW_3D"
    preset_operator = "script.execute_preset"
    preset_add_operator = IMAGE_TO_MESH_OT_add_preset.bl_idname

    @property
    def preset_subdir(self) -> str:
        return folder(bpy.context)

    def draw(self, context):
        if bpy.utils.preset_paths(folder(context)):
            super().draw(context)
        else:
            draw_name(self.layout, context.window_manager)


def draw_name(layout, manager: bpy.types.WindowManager) -> None:
    """The field that names the first preset. Blender's own would say "Missing Paths" above it."""
    layout.operator_context = "EXEC_DEFAULT"  # the operator would ask for the name once more
    row = layout.row()
    row.prop(manager, "preset_name", text="")
    row.operator(IMAGE_TO_MESH_OT_add_preset.bl_idname, text="", icon="ADD", emboss=False).name = manager.preset_name


register, unregister = bpy.utils.register_classes_factory((IMAGE_TO_MESH_PT_presets,))

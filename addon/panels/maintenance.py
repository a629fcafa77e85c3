# SPDX-License-Identifier: GPL-3.0-or-later
"""The group Maintenance."""

import bpy

from .base import SubPanel


class IMAGE_TO_MESH_PT_maintenance(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_maintenance"
    bl_label = "Maintenance"

    def draw(self, context):
        layout = self.layout
        layout.operator_menu_enum("image_to_mesh.import_finished", "job", icon="IMPORT")
        layout.operator_menu_enum("image_to_mesh.resume", "job", icon="PLAY")
        layout.operator("image_to_mesh.free_memory", icon="MEMORY")
        layout.operator("image_to_mesh.show_log", icon="TEXT")
        layout.operator("image_to_mesh.copy_report", icon="COPYDOWN")
        layout.operator("image_to_mesh.open_preferences", icon="PREFERENCES")


register, unregister = bpy.utils.register_classes_factory((IMAGE_TO_MESH_PT_maintenance,))

# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-panel of Fit to Scene."""

import bpy

from ..operators import match_camera
from . import main
from .views import SubPanel


class PlacementPanel(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_placement"
    bl_label = "Fit to Scene"

    def draw(self, context):
        layout, settings = self.layout, context.scene.image_to_mesh.placement
        layout.use_property_split, layout.use_property_decorate = True, False
        layout.prop(settings, "place")
        row = layout.row()
        row.enabled = settings.place != "REPLACE"
        row.prop(settings, "height")
        layout.prop(settings, "collection")
        layout.operator("image_to_mesh.fit", icon="FULLSCREEN_EXIT")
        main.draw_reason(layout, context, match_camera.missing(context))
        layout.operator("image_to_mesh.match_camera", icon="CAMERA_DATA")


def register() -> None:
    bpy.utils.register_class(PlacementPanel)


def unregister() -> None:
    bpy.utils.unregister_class(PlacementPanel)

# SPDX-License-Identifier: GPL-3.0-or-later
"""The group Advanced: the engine and all of its settings."""

import bpy

from ...backend.interface import tasks
from ..scene.images import input_image
from ..settings import engines
from . import presets
from .base import ADVANCED, MoreSettings, SubPanel, draw_settings, split_properties


class IMAGE_TO_MESH_PT_advanced(SubPanel, bpy.types.Panel):
    bl_idname = ADVANCED
    bl_label = "Advanced"

    def draw_header_preset(self, _context):
        self.layout.emboss = "NONE"
        self.layout.popover(panel=presets.IMAGE_TO_MESH_PT_presets.bl_idname, icon="PRESET", text="")

    def draw(self, context):
        settings = context.scene.image_to_mesh
        self.layout.prop(settings, "engine", text="")
        split_properties(self.layout)
        engine = engines.chosen_engine(settings)
        if input_image.is_prompt(settings) or engines.is_seeded(settings, engine):
            self.layout.prop(settings, "seed")
        draw_settings(self.layout, context, engine)


class IMAGE_TO_MESH_PT_picture(MoreSettings, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_picture"
    bl_parent_id = ADVANCED
    bl_label = tasks.TEXT_TO_IMAGE.title
    task = tasks.TEXT_TO_IMAGE

    @classmethod
    def poll(cls, context):
        return "prompt" not in engines.chosen_engine(context.scene.image_to_mesh).inputs


register, unregister = bpy.utils.register_classes_factory((IMAGE_TO_MESH_PT_advanced, IMAGE_TO_MESH_PT_picture))

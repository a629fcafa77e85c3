# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-panels of prompts: Views of a Prompt, and Learn a Subject."""

import bpy

from ...backend.interface import tasks
from ..scene import input_image
from ..setup import environment
from . import main
from .views import MoreSettings, SubPanel


class PromptViewsPanel(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_prompt_views"
    bl_label = tasks.VIEWS_OF_PROMPT.title

    def draw(self, context):
        layout, settings = self.layout, context.scene.image_to_mesh
        layout.use_property_split, layout.use_property_decorate = True, False
        layout.prop(settings, "prompt", text="", icon="TEXT")
        layout.prop(settings.views_from_text, "views")
        layout.prop(settings.views_from_text, "elevation_deg")
        main.draw_reason(layout, context, environment.obstacle() or input_image.missing_prompt(settings))
        layout.operator("image_to_mesh.prompt_views", icon="CAMERA_DATA")


class PromptViewsSettings(MoreSettings, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_prompt_views_settings"
    bl_parent_id = PromptViewsPanel.bl_idname
    engine, shown_above = tasks.VIEWS_OF_PROMPT, frozenset({"views", "elevation_deg"})


class LearnPanel(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_learn"
    bl_label = tasks.LEARN.title

    def draw(self, context):
        layout, group = self.layout, context.scene.image_to_mesh.dreambooth
        layout.use_property_split, layout.use_property_decorate = True, False
        layout.prop(group, "subject")
        layout.prop(group, "kind")
        if group.subject:
            layout.label(text=f"Prompts can say <{group.subject}> afterwards", icon="INFO")
        main.draw_reason(layout, context, environment.obstacle())
        layout.operator("image_to_mesh.learn_subject", text="Choose Photos", icon="FILE_IMAGE")


class LearnSettings(MoreSettings, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_learn_settings"
    bl_parent_id = LearnPanel.bl_idname
    engine, shown_above = tasks.LEARN, frozenset({"subject", "kind"})


classes = (PromptViewsPanel, PromptViewsSettings, LearnPanel, LearnSettings)
register, unregister = bpy.utils.register_classes_factory(classes)

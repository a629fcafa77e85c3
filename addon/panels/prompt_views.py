# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-panels Views of a Prompt and Learn a Subject."""

import bpy

from ...backend.interface import tasks
from .. import session
from ..operators.prompt_views import IMAGE_TO_MESH_OT_prompt_views
from ..settings import engines
from .base import ADVANCED, VIEWS, MoreSettings, SubPanel, draw_reason, split_properties


class IMAGE_TO_MESH_PT_prompt_views(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_prompt_views"
    bl_parent_id = VIEWS
    bl_label = tasks.VIEWS_FROM_TEXT.title

    def draw(self, context):
        layout, settings = self.layout, context.scene.image_to_mesh
        split_properties(layout)
        layout.prop(settings, "prompt", text="", icon="TEXT")
        group = engines.group_of(settings, tasks.VIEWS_FROM_TEXT)
        layout.prop(group, "views")
        layout.prop(group, "elevation_deg")
        draw_reason(layout, context, IMAGE_TO_MESH_OT_prompt_views.why_unavailable(context))
        layout.operator("image_to_mesh.prompt_views", icon="CAMERA_DATA")


class IMAGE_TO_MESH_PT_prompt_views_settings(MoreSettings, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_prompt_views_settings"
    bl_parent_id = IMAGE_TO_MESH_PT_prompt_views.bl_idname
    task, shown_above = tasks.VIEWS_FROM_TEXT, frozenset({"views", "elevation_deg"})


class IMAGE_TO_MESH_PT_learn(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_learn"
    bl_parent_id = ADVANCED
    bl_label = tasks.DREAMBOOTH.title

    def draw(self, context):
        layout, group = self.layout, engines.group_of(context.scene.image_to_mesh, tasks.DREAMBOOTH)
        split_properties(layout)
        layout.prop(group, "subject")
        layout.prop(group, "kind")
        if group.subject:
            layout.label(text=f"Prompts can say <{group.subject}> afterwards", icon="INFO")
        draw_reason(layout, context, session.current().setup.why_unavailable())
        layout.operator("image_to_mesh.learn_subject", text="Choose Photos", icon="FILE_IMAGE")


class IMAGE_TO_MESH_PT_learn_settings(MoreSettings, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_learn_settings"
    bl_parent_id = IMAGE_TO_MESH_PT_learn.bl_idname
    task, shown_above = tasks.DREAMBOOTH, frozenset({"subject", "kind"})


classes = (
    IMAGE_TO_MESH_PT_prompt_views,
    IMAGE_TO_MESH_PT_prompt_views_settings,
    IMAGE_TO_MESH_PT_learn,
    IMAGE_TO_MESH_PT_learn_settings,
)
register, unregister = bpy.utils.register_classes_factory(classes)

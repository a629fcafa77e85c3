# SPDX-License-Identifier: GPL-3.0-or-later
"""The tab in the 3D View's sidebar. Drawing reads what is in memory, and nothing else."""

import bpy

from ...backend.interface import tasks
from .. import session
from ..base import compat
from ..scene import input_image
from ..settings import engines
from ..settings.scene import SOURCES
from . import presets
from .base import MAIN, MoreSettings, SubPanel, draw_settings, split_properties, wrapped
from .status import draw_jobs, draw_outcome


class IMAGE_TO_MESH_PT_main(bpy.types.Panel):
    bl_idname = MAIN
    bl_label = "Image to Mesh"
    bl_category = "Image to Mesh"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"

    def draw(self, context):
        layout, now = self.layout, session.current()
        if not now.setup.is_ready():
            draw_setup(layout, context)
        draw_input(layout, context.scene.image_to_mesh)
        row = layout.row()
        row.scale_y = 1.5
        row.operator(
            "image_to_mesh.generate", text="Add to Queue" if now.queue.busy else "Image to Mesh", icon="MESH_MONKEY"
        )
        draw_jobs(layout, context)
        draw_outcome(layout, context)


class IMAGE_TO_MESH_PT_settings(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_settings"
    bl_label = "Settings"

    def draw_header_preset(self, _context):
        self.layout.emboss = "NONE"
        self.layout.popover(panel=presets.IMAGE_TO_MESH_PT_presets.bl_idname, icon="PRESET", text="")

    def draw(self, context):
        settings = context.scene.image_to_mesh
        split_properties(self.layout)
        engine = engines.chosen_engine(settings)
        if engine.is_seeded or input_image.is_prompt(settings):
            self.layout.prop(settings, "seed")
        draw_settings(self.layout, context, engine)


class IMAGE_TO_MESH_PT_picture(MoreSettings, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_picture"
    bl_parent_id = IMAGE_TO_MESH_PT_settings.bl_idname
    bl_label = tasks.TEXT_TO_IMAGE.title
    task = tasks.TEXT_TO_IMAGE

    @classmethod
    def poll(cls, context):
        return "prompt" not in engines.chosen_engine(context.scene.image_to_mesh).inputs


class IMAGE_TO_MESH_PT_results(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_results"
    bl_label = "Results"

    def draw(self, context):
        layout = self.layout
        layout.operator_menu_enum("image_to_mesh.import_finished", "job", icon="IMPORT")
        layout.operator_menu_enum("image_to_mesh.resume", "job", icon="PLAY")
        layout.operator("image_to_mesh.free_memory", icon="MEMORY")
        layout.operator("image_to_mesh.show_log", icon="TEXT")
        layout.operator("image_to_mesh.copy_report", icon="COPYDOWN")
        layout.operator("image_to_mesh.open_preferences", icon="PREFERENCES")


def draw_setup(layout, context) -> None:
    box = layout.box()
    task = session.current().setup.task
    if task and task.running:
        box.progress(factor=task.overall, text=task.stage)
    else:
        wrapped(box, context, "The backend is not set up yet", icon="INFO")
    box.operator("image_to_mesh.open_preferences", text="Set Up Backend", icon="PREFERENCES")


def draw_input(layout, settings) -> None:
    engine = engines.chosen_engine(settings)
    if len(tasks.MESH_TASKS) > 1:
        layout.prop(settings, "engine", text="")
    if "image" in engine.inputs:
        sources = layout.grid_flow(row_major=True, columns=2, even_columns=True, align=True)  # a row cuts them off
        for identifier, *_ in SOURCES:
            sources.prop_enum(settings, "source", identifier)
        row = layout.row(align=True)
        if settings.source == "PROMPT":
            row.label(text="Image generated from the prompt", icon="TEXT")
        elif settings.source == "FILE":
            row.prop(settings, "filepath", text="")
        elif settings.source == "IMAGE":
            row.template_ID(settings, "image", open="image.open")
        else:
            row.label(text="The last render", icon="RENDER_STILL")
        if compat.can_paste_images():
            row.operator("image_to_mesh.paste_image", text="", icon="PASTEDOWN")
    row = layout.row(align=True)
    row.prop(settings, "prompt", text="", icon="TEXT")
    if "prompt" not in engine.inputs:  # of which an image can be made
        row.operator("image_to_mesh.make_image", text="", icon="IMAGE_DATA")
        row.operator("image_to_mesh.make_image", text="", icon="FILE_REFRESH").again = True


classes = (
    IMAGE_TO_MESH_PT_main,
    IMAGE_TO_MESH_PT_settings,
    IMAGE_TO_MESH_PT_picture,
    IMAGE_TO_MESH_PT_results,
)
register, unregister = bpy.utils.register_classes_factory(classes)

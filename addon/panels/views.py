# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-panels Novel View and Views to Mesh."""

import bpy

from ...backend.interface import tasks
from ..operators.novel_view import IMAGE_TO_MESH_OT_novel_view
from ..operators.views_to_mesh import IMAGE_TO_MESH_OT_views_to_mesh
from ..scene import view_cameras
from ..settings import engines
from .base import VIEWS, MoreSettings, SubPanel, draw_reason, split_properties

SHOWN, COLUMNS, PICTURE = 6, 2, 5.0  # views, and their height in units of a row


class IMAGE_TO_MESH_PT_novel_view(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_novel_view"
    bl_parent_id = VIEWS
    bl_label = "Novel View"

    def draw(self, context):
        layout, settings = self.layout, context.scene.image_to_mesh
        split_properties(layout)
        draw_reason(layout, context, IMAGE_TO_MESH_OT_novel_view.why_unavailable(context))
        row = layout.row(align=True)
        row.operator("image_to_mesh.novel_view", text="Camera", icon="CAMERA_DATA").where = "CAMERA"
        row.operator("image_to_mesh.novel_view", text="Viewport", icon="VIEW3D").where = "VIEWPORT"
        layout.prop(settings.views, "shown_as", text="")
        row = layout.row(align=True)
        row.prop(settings.views, "count")
        row.operator("image_to_mesh.novel_view", text="", icon="IMAGE_REFERENCE").where = "AROUND"
        layout.prop(settings.views, "level")
        draw_views(layout)


def draw_views(layout) -> None:
    """The newest views, side by side; a click shows one in an Image Editor."""
    images = [image for image in bpy.data.images if view_cameras.NOVEL in image and image.preview]
    grid = layout.grid_flow(row_major=True, columns=COLUMNS, even_columns=True, align=True)
    for image in images[-SHOWN:]:
        column = grid.column(align=True)
        column.template_icon(icon_value=image.preview.icon_id, scale=PICTURE)
        words = str(image[view_cameras.NOVEL])
        column.operator("image_to_mesh.show_view", text=words, translate=False).image = image.name


class IMAGE_TO_MESH_PT_views(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_views"
    bl_parent_id = VIEWS
    bl_label = "Views to Mesh"

    def draw(self, context):
        layout, settings = self.layout, context.scene.image_to_mesh
        split_properties(layout)
        layout.prop(settings.views, "source")
        layout.prop(settings.views, "rig")
        layout.prop(settings.views, "elevation")
        layout.prop(settings.views, "size")
        row = layout.row(align=True)
        row.operator("image_to_mesh.add_view_rig", icon="CAMERA_DATA")
        row.operator("image_to_mesh.remove_view_rig", text="", icon="TRASH")
        layout.operator("image_to_mesh.render_views", icon="RENDER_STILL")
        layout.prop(engines.group_of(settings, tasks.VIEWS_TO_MESH), "method")
        draw_reason(layout, context, IMAGE_TO_MESH_OT_views_to_mesh.why_unavailable(context))
        row = layout.row()
        row.scale_y = 1.5
        row.operator("image_to_mesh.views_to_mesh", icon="MESH_ICOSPHERE")


class IMAGE_TO_MESH_PT_novel_view_settings(MoreSettings, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_novel_view_settings"
    bl_parent_id = IMAGE_TO_MESH_PT_novel_view.bl_idname
    task = tasks.NOVEL_VIEW


class IMAGE_TO_MESH_PT_views_settings(MoreSettings, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_views_settings"
    bl_parent_id = IMAGE_TO_MESH_PT_views.bl_idname
    task, shown_above = tasks.VIEWS_TO_MESH, frozenset({"method"})


classes = (
    IMAGE_TO_MESH_PT_novel_view,
    IMAGE_TO_MESH_PT_novel_view_settings,
    IMAGE_TO_MESH_PT_views,
    IMAGE_TO_MESH_PT_views_settings,
)
register, unregister = bpy.utils.register_classes_factory(classes)

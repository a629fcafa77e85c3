# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-panels of views: Novel View, and Views to Mesh with its rig."""

import bpy

from ...backend.interface import parameters, tasks
from ..operators import novel_view, views_to_mesh
from ..setup import environment
from . import main


class SubPanel:
    """What every sub-panel of the tab has in common."""

    bl_parent_id = main.Main.bl_idname
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_options = {"DEFAULT_CLOSED"}


class NovelViewPanel(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_novel_view"
    bl_label = "Novel View"

    def draw(self, context):
        layout, settings = self.layout, context.scene.image_to_mesh
        layout.use_property_split, layout.use_property_decorate = True, False
        main.draw_reason(layout, context, environment.obstacle() or novel_view.missing(context))
        row = layout.row(align=True)
        row.operator("image_to_mesh.novel_view", text="Camera", icon="CAMERA_DATA").where = "CAMERA"
        row.operator("image_to_mesh.novel_view", text="Viewport", icon="VIEW3D").where = "VIEWPORT"
        layout.prop(settings.views, "shown_as")
        row = layout.row(align=True)
        row.prop(settings.views, "count")
        row.operator("image_to_mesh.novel_view", text="", icon="IMAGE_REFERENCE").where = "AROUND"
        layout.prop(settings.views, "level")


class ViewsPanel(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_views"
    bl_label = "Views to Mesh"

    def draw(self, context):
        layout, settings = self.layout, context.scene.image_to_mesh
        layout.use_property_split, layout.use_property_decorate = True, False
        layout.prop(settings.views, "source")
        layout.prop(settings.views, "rig")
        layout.prop(settings.views, "elevation")
        layout.prop(settings.views, "size")
        row = layout.row(align=True)
        row.operator("image_to_mesh.add_view_rig", icon="CAMERA_DATA")
        row.operator("image_to_mesh.render_views", icon="RENDER_STILL")
        layout.prop(settings.views_to_mesh, "method")
        main.draw_reason(layout, context, environment.obstacle() or views_to_mesh.missing(context))
        row = layout.row()
        row.scale_y = 1.5
        row.operator("image_to_mesh.views_to_mesh", icon="MESH_ICOSPHERE")


class MoreSettings(SubPanel):
    """The parameters that the backend declares."""

    bl_label = "Settings"
    layout: bpy.types.UILayout
    engine: parameters.Engine
    shown_above: frozenset[str] = frozenset()

    def draw(self, context):
        self.layout.use_property_split, self.layout.use_property_decorate = True, False
        main.draw_settings(self.layout, context, self.engine, self.shown_above)


class NovelViewSettings(MoreSettings, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_novel_view_settings"
    bl_parent_id = NovelViewPanel.bl_idname
    engine = tasks.NOVEL_VIEW


class ViewsSettings(MoreSettings, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_views_settings"
    bl_parent_id = ViewsPanel.bl_idname
    engine, shown_above = tasks.VIEWS, frozenset({"method"})


classes = (NovelViewPanel, NovelViewSettings, ViewsPanel, ViewsSettings)
register, unregister = bpy.utils.register_classes_factory(classes)

# SPDX-License-Identifier: GPL-3.0-or-later
"""The groups of everything that is not the main path: Improve, Finish, Views."""

import bpy

from .base import FINISH, IMPROVE, VIEWS, SubPanel


class IMAGE_TO_MESH_PT_improve(SubPanel, bpy.types.Panel):
    bl_idname = IMPROVE
    bl_label = "Improve"

    def draw(self, context):
        pass


class IMAGE_TO_MESH_PT_finishing(SubPanel, bpy.types.Panel):
    bl_idname = FINISH
    bl_label = "Finish"

    def draw(self, context):
        pass


class IMAGE_TO_MESH_PT_all_views(SubPanel, bpy.types.Panel):
    bl_idname = VIEWS
    bl_label = "Views"

    def draw(self, context):
        pass


classes = (IMAGE_TO_MESH_PT_improve, IMAGE_TO_MESH_PT_finishing, IMAGE_TO_MESH_PT_all_views)
register, unregister = bpy.utils.register_classes_factory(classes)

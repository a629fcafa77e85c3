# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The buttons that choose the image: from the file browser, by dropping a file on the tab, and of what it shows."""

from contextlib import suppress
from pathlib import Path

import bpy

from .. import session
from ..base import stored_paths
from ..base.trouble import Trouble
from ..scene.images import input_image
from .job_operator import ExplainedOperator, FilesOperator

SUFFIXES = ".png;.jpg;.jpeg;.webp;.bmp;.tga;.tif;.tiff"


class ImageFileOperator(FilesOperator):
    """An operator that makes one image file the scene's image, from the file browser or dropped."""

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context, event):
        if self.files:  # dropped
            return self.execute(context)
        if chosen := context.scene.image_to_mesh.filepath:
            with suppress(Trouble):
                self.filepath = str(stored_paths.absolute(chosen))
        return super().invoke(context, event)

    def execute(self, context):
        names = self.names()
        path = Path(bpy.path.abspath(self.directory)) / names[0] if names else Path(self.filepath)
        if not path.name:
            self.report({"ERROR"}, "Choose an image file")
            return {"CANCELLED"}
        settings = context.scene.image_to_mesh
        settings.source, settings.filepath = "FILE", str(path)
        return {"FINISHED"}


class IMAGE_TO_MESH_OT_choose_image(ImageFileOperator, bpy.types.Operator):
    """Choose an image file"""

    bl_idname = "image_to_mesh.choose_image"
    bl_label = "Choose Image"
    bl_options = {"REGISTER", "UNDO"}


class IMAGE_TO_MESH_FH_choose_image(bpy.types.FileHandler):
    bl_idname = "IMAGE_TO_MESH_FH_choose_image"
    bl_label = "Choose Image"
    bl_import_operator = IMAGE_TO_MESH_OT_choose_image.bl_idname
    bl_file_extensions = SUFFIXES

    @classmethod
    def poll_drop(cls, context):
        return is_over(context, "UI")


class IMAGE_TO_MESH_OT_use_drawn(ExplainedOperator, bpy.types.Operator):
    """Choose this image, whatever the prompt will be"""

    bl_idname = "image_to_mesh.use_drawn"
    bl_label = "Use"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def why_unavailable(cls, context) -> str:
        return "" if input_image.drawn(context.scene.image_to_mesh) else "Make an image of the prompt first"

    def execute(self, context):
        settings = context.scene.image_to_mesh
        settings.source, settings.image = "IMAGE", settings.drawn
        return {"FINISHED"}


class IMAGE_TO_MESH_OT_pick_object(ExplainedOperator, bpy.types.Operator):
    """Use the next object of the image alone, from left to right; after the last one, all of them"""

    bl_idname = "image_to_mesh.pick_object"
    bl_label = "Pick Object"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def why_unavailable(cls, context) -> str:
        return "" if session.current().input.objects > 1 else "The image shows one object"

    def execute(self, context):
        settings = context.scene.image_to_mesh
        settings.object_number = (settings.object_number + 1) % (session.current().input.objects + 1)
        return {"FINISHED"}


def is_over(context, region: str) -> bool:
    """Whether the mouse is over this kind of region of a 3D View."""
    return bool(context.area and context.area.type == "VIEW_3D" and context.region and context.region.type == region)


classes = (
    IMAGE_TO_MESH_OT_choose_image,
    IMAGE_TO_MESH_FH_choose_image,
    IMAGE_TO_MESH_OT_use_drawn,
    IMAGE_TO_MESH_OT_pick_object,
)
register, unregister = bpy.utils.register_classes_factory(classes)

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The buttons that make a mesh of the chosen image or prompt, and an image of the prompt."""

import bpy

from ...backend.interface.tasks import TEXT_TO_IMAGE
from .. import session
from ..base import compat
from ..jobs.job import Delivery, Job
from ..jobs.process import Attachments
from ..scene import delivery, mesh_export
from ..scene.images import input_image
from ..settings import engines
from .choose_image import ImageFileOperator
from .job_operator import ExplainedOperator, JobOperator, request_of


class IMAGE_TO_MESH_OT_generate(JobOperator, bpy.types.Operator):
    """Make a colored mesh from the image, at the 3D cursor"""

    bl_idname = "image_to_mesh.generate"
    bl_label = "Image to Mesh"

    @classmethod
    def missing(cls, context) -> str:
        scene = context.scene
        missing = input_image.missing(scene.image_to_mesh) or mesh_export.missing(context)
        return missing or ("" if input_image.is_prompt(scene.image_to_mesh) else session.current().input.problem(scene))

    def make_job(self, context):
        settings = context.scene.image_to_mesh
        name, image = input_image.read(settings, context.scene)
        origin, inputs = input_image.origin(settings, image), chosen_inputs(settings)
        return mesh_job(context, name, image, inputs, origin, delivery.mesh_delivery(context))


class IMAGE_TO_MESH_OT_generate_file(ImageFileOperator, ExplainedOperator, bpy.types.Operator):
    """Choose an image file and make a colored mesh from it, at the 3D cursor"""

    bl_idname = "image_to_mesh.generate_file"
    bl_label = "Image to Mesh"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def why_unavailable(cls, context) -> str:
        return session.current().setup.why_unavailable() or mesh_export.missing(context)

    def execute(self, context):
        chosen = super().execute(context)
        return bpy.ops.image_to_mesh.generate() if chosen == {"FINISHED"} else chosen


class IMAGE_TO_MESH_OT_generate_shown(ExplainedOperator, bpy.types.Operator):
    """Make a colored mesh from the image that this editor shows"""

    bl_idname = "image_to_mesh.generate_shown"
    bl_label = "Image to Mesh"

    @classmethod
    def why_unavailable(cls, context) -> str:
        return "" if getattr(context.space_data, "image", None) else "Open an image first"

    def execute(self, context):
        settings, image = context.scene.image_to_mesh, context.space_data.image
        if image.type == "RENDER_RESULT":
            settings.source = "RENDER"
        else:
            settings.source, settings.image = "IMAGE", image
        if reason := IMAGE_TO_MESH_OT_generate.why_unavailable(context):
            self.report({"ERROR"}, reason)
            return {"CANCELLED"}
        return bpy.ops.image_to_mesh.generate()


class IMAGE_TO_MESH_OT_make_image(JobOperator, bpy.types.Operator):
    """Generate an image from the prompt, to look at it before the mesh"""

    bl_idname = "image_to_mesh.make_image"
    bl_label = "Make Image"

    @classmethod
    def description(cls, context, properties):
        if input_image.drawn(context.scene.image_to_mesh):
            return "Generate another image from the prompt, with the next seed. This one stays in the file"
        return cls.bl_description

    @classmethod
    def missing(cls, context) -> str:
        return input_image.missing_prompt(context.scene.image_to_mesh)

    def make_job(self, context):
        settings = context.scene.image_to_mesh
        settings.seed += bool(input_image.drawn(settings))  # another look at the same prompt
        name, inputs = input_image.name_of_prompt(settings), {"prompt": settings.prompt}
        request = request_of(context, TEXT_TO_IMAGE, name, inputs=inputs)
        return Job(request, delivery.InputImage(context.scene.session_uid))


class IMAGE_TO_MESH_OT_paste_image(ExplainedOperator, bpy.types.Operator):
    """Use the image on the clipboard"""

    bl_idname = "image_to_mesh.paste_image"
    bl_label = "Paste Image"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def why_unavailable(cls, context) -> str:
        if not compat.can_paste_images():
            return "This Blender cannot paste images. Save the image and choose the file"
        if not bpy.ops.image.clipboard_paste.poll():
            return "There is no image on the clipboard, or Blender cannot read it on this system"
        return ""

    def execute(self, context):
        before = {image.session_uid for image in bpy.data.images}
        try:
            bpy.ops.image.clipboard_paste()
        except RuntimeError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        pasted = [image for image in bpy.data.images if image.session_uid not in before]
        if not pasted:
            self.report({"ERROR"}, "There is no image on the clipboard")
            return {"CANCELLED"}
        settings = context.scene.image_to_mesh
        settings.source, settings.image = "IMAGE", pasted[-1]
        return {"FINISHED"}


def chosen_inputs(settings) -> dict:
    """The request's inputs: the chosen part of the image, or the prompt with the settings of the image that the backend
    makes of it first. Raises Trouble."""
    if not input_image.is_prompt(settings):
        return input_image.selection(settings)
    takes_image = "image" in engines.chosen_engine(settings).inputs
    drawing = {"picture": engines.parameters_of(settings, TEXT_TO_IMAGE)} if takes_image else {}
    return {"prompt": settings.prompt} | drawing


def mesh_job(context, name: str, image: Attachments, inputs: dict, origin: dict, to: Delivery) -> Job:
    """A job of the chosen engine with the settings that the panel shows. Raises Trouble."""
    engine, start = engines.chosen_engine(context.scene.image_to_mesh), mesh_export.read(context)
    origin = origin | mesh_export.origin(context)
    request = request_of(context, engine, name, lambda: image() | start(), inputs=inputs, origin=origin)
    return Job(request, to)


classes = (
    IMAGE_TO_MESH_OT_generate,
    IMAGE_TO_MESH_OT_generate_file,
    IMAGE_TO_MESH_OT_generate_shown,
    IMAGE_TO_MESH_OT_make_image,
    IMAGE_TO_MESH_OT_paste_image,
)
register, unregister = bpy.utils.register_classes_factory(classes)

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Novel View: the object in the image as a camera of the scene, or the viewport, would see it."""

import bpy
import numpy as np

from ...backend.interface.tasks import NOVEL_VIEW
from ..base import cameras
from ..base.trouble import Trouble
from ..jobs.job import Job
from ..scene import delivery, frame
from ..scene.images import image_editor, input_image
from .job_operator import JobOperator, request_of


class IMAGE_TO_MESH_OT_novel_view(JobOperator, bpy.types.Operator):
    """Generate the object in the image as it looks from here"""

    bl_idname = "image_to_mesh.novel_view"
    bl_label = "Novel View"

    where: bpy.props.EnumProperty(
        name="From",
        items=(
            ("CAMERA", "Camera", "The scene's active camera"),
            ("VIEWPORT", "Viewport", "The view of this 3D View"),
            ("AROUND", "Around", "Reference images around the object"),
        ),
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, context, properties):
        return {
            "CAMERA": "Generate the object in the image as the scene's camera sees it",
            "VIEWPORT": "Generate the object in the image as this 3D View sees it",
            "AROUND": "Generate the object in the image from all around, as reference images in the scene",
        }[properties.where]

    @classmethod
    def missing(cls, context) -> str:
        return input_image.missing_image(context.scene.image_to_mesh)

    def make_job(self, context):
        settings, scene = context.scene.image_to_mesh, context.scene
        name, image = input_image.name_of(settings), input_image.read_chosen_image(settings, scene)
        cube = frame.of(context)
        if self.where == "AROUND":
            elevation = 0.0 if settings.views.level else None  # None: the input image's
            angles = [(360.0 * i / settings.views.count, elevation) for i in range(settings.views.count)]
            to = delivery.ReferenceImages(scene.session_uid, angles, cube)
        else:
            view = chosen_view(context, self.where, cube)
            angles = [(view.azimuth, view.elevation)]
            behind = scene.camera if self.where == "CAMERA" and settings.views.shown_as == "BACKGROUND" else None
            to = delivery.NovelView(scene.session_uid, view, cube, behind.session_uid if behind else 0)
        inputs = {"angles": angles} | input_image.selection(settings)
        return Job(request_of(context, NOVEL_VIEW, name, image, inputs=inputs), to)


class IMAGE_TO_MESH_OT_show_view(bpy.types.Operator):
    """Show this view in an Image Editor"""

    bl_idname = "image_to_mesh.show_view"
    bl_label = "Show View"
    bl_options = {"INTERNAL"}

    image: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context):
        if self.image not in bpy.data.images:
            return {"CANCELLED"}
        image_editor.ensure()
        image_editor.show(bpy.data.images[self.image])
        return {"FINISHED"}


def chosen_view(context, where: str, cube: np.ndarray) -> cameras.View:
    """The view of the cube from the scene's camera or the viewport. Raises Trouble."""
    scene = context.scene
    try:
        if where == "VIEWPORT":
            if not context.region_data:
                raise Trouble("There is no 3D View here", "Press the button in a 3D View", "input")
            return cameras.view_from(np.array(context.region_data.view_matrix.inverted()), cube)
        if scene.camera is None or scene.camera.type != "CAMERA":
            raise Trouble("The scene has no camera", "Add a camera, or use Viewport", "input")
        return cameras.view_from(np.array(scene.camera.matrix_world), cube)
    except ValueError as error:
        raise Trouble(str(error), "Move the camera or the view away", "input") from error


register, unregister = bpy.utils.register_classes_factory((IMAGE_TO_MESH_OT_novel_view, IMAGE_TO_MESH_OT_show_view))

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Views of a Prompt, as images behind cameras of the scene, and Learn a Subject, from photos of one object."""

from pathlib import Path

import bpy

from ...backend.interface.tasks import DREAMBOOTH, VIEWS_FROM_TEXT
from ..base.trouble import Trouble
from ..jobs.job import Job
from ..scene import delivery, frame
from ..scene.images import input_image
from ..settings import engines
from .job_operator import FilesOperator, JobOperator, request_of

MOST_PHOTOS = 32


class IMAGE_TO_MESH_OT_prompt_views(JobOperator, bpy.types.Operator):
    """Generate views of the prompt from several sides, as background images of cameras"""

    bl_idname = "image_to_mesh.prompt_views"
    bl_label = "Make Views"

    @classmethod
    def missing(cls, context) -> str:
        return input_image.missing_prompt(context.scene.image_to_mesh)

    def make_job(self, context):
        settings = context.scene.image_to_mesh
        name, inputs = input_image.name_of_prompt(settings), {"prompt": settings.prompt}
        request = request_of(context, VIEWS_FROM_TEXT, name, inputs=inputs)
        return Job(request, delivery.PromptViews(context.scene.session_uid, frame.of(context)))


class IMAGE_TO_MESH_OT_learn_subject(FilesOperator, JobOperator, bpy.types.Operator):
    """Learn an object from photos, so that prompts can name it"""

    bl_idname = "image_to_mesh.learn_subject"
    bl_label = "Learn Subject"

    @classmethod
    def missing(cls, context) -> str:
        group = engines.group_of(context.scene.image_to_mesh, DREAMBOOTH)
        return "" if group.subject else "Name the subject first"

    def make_job(self, context):
        return learning_job(context, [Path(self.directory, name) for name in self.names()])


def learning_job(context, paths: list[Path]) -> Job:
    """A job that learns the object on the photos. Raises Trouble."""
    settings = context.scene.image_to_mesh
    if not 0 < len(paths) <= MOST_PHOTOS:
        message = f"Too many photos ({len(paths)})" if paths else "No photos are chosen"
        raise Trouble(message, "Choose 3 to 6 photos of one object", "input")
    try:
        photos = {f"view_{i:03}": path.read_bytes() for i, path in enumerate(paths)}
    except OSError as error:
        raise Trouble(f"A photo cannot be read: {error}", "Choose other photos", "input") from error
    name = f"<{engines.group_of(settings, DREAMBOOTH).subject}>"
    return Job(request_of(context, DREAMBOOTH, name, lambda: photos), delivery.SubjectImages(context.scene.session_uid))


classes = (IMAGE_TO_MESH_OT_prompt_views, IMAGE_TO_MESH_OT_learn_subject)
register, unregister = bpy.utils.register_classes_factory(classes)

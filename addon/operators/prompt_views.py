# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Views of a Prompt: what words say, from several sides, as pictures behind cameras of the scene; Views to Mesh takes
them from there. And Learn a Subject: photos of one thing, which prompts can name afterwards."""

from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from ...backend.interface.tasks import LEARN, VIEWS_OF_PROMPT
from ..base import cameras
from ..base.preferences import preferences
from ..base.trouble import Trouble
from ..jobs.job import Job
from ..scene import frame, image_import, input_image, mesh_import
from ..settings import scene as properties
from ..setup import environment
from . import generate

COLLECTION = "Views of Prompt"
MOST = 32  # photos


class PromptViews(bpy.types.Operator):
    """Imagine what the prompt says from several sides, as pictures behind cameras"""

    bl_idname = "image_to_mesh.prompt_views"
    bl_label = "Make Views"

    wait: bpy.props.BoolProperty(
        name="Wait", description="Return when the views are there", options={"HIDDEN", "SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context):
        reason = environment.obstacle() or input_image.missing_prompt(context.scene.image_to_mesh)
        cls.poll_message_set(reason)
        return not reason

    def execute(self, context):
        return generate.submit(self, context, make_job)


class LearnSubject(bpy.types.Operator):
    """Learn one object from photos of it, so that prompts can name it"""

    bl_idname = "image_to_mesh.learn_subject"
    bl_label = "Learn Subject"

    directory: bpy.props.StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    files: bpy.props.CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})
    filter_image: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    wait: bpy.props.BoolProperty(name="Wait", description="Return when it is learnt", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context):
        named = context.scene.image_to_mesh.dreambooth.subject
        reason = environment.obstacle() or ("" if named else "Name the subject first")
        cls.poll_message_set(reason)
        return not reason

    def invoke(self, context, event):
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context):
        paths = [Path(self.directory, file.name) for file in self.files if file.name]
        return generate.submit(self, context, lambda context: make_learning_job(context, paths))


def make_job(context) -> Job:
    """A job that makes views of the prompt. Raises Trouble."""
    settings, cube = context.scene.image_to_mesh, frame.of(context)
    return Job(
        engine=VIEWS_OF_PROMPT.name,
        parameters=properties.parameters_of(VIEWS_OF_PROMPT, settings, preferences().device.lower()),
        seed=settings.seed,
        attachments=dict,
        name=input_image.name_of_prompt(settings),
        scene=context.scene.session_uid,
        inputs={"prompt": settings.prompt},
        place=lambda job, scene: hang(job, scene, cube),
    )


def make_learning_job(context, paths: list[Path]) -> Job:
    """A job that learns what the photos show. Raises Trouble."""
    settings = context.scene.image_to_mesh
    if not 0 < len(paths) <= MOST:
        raise Trouble(f"{len(paths)} photos are no good", "Choose 3 to 6 photos of one object", "input")
    try:
        photos = {f"view_{i:03}": path.read_bytes() for i, path in enumerate(paths)}
    except OSError as error:
        raise Trouble(f"A photo cannot be read: {error}", "Choose other photos", "input") from error
    return Job(
        engine=LEARN.name,
        parameters=properties.parameters_of(LEARN, settings, preferences().device.lower()),
        seed=settings.seed,
        attachments=lambda: photos,
        name=f"<{settings.dreambooth.subject}>",
        scene=context.scene.session_uid,
        place=keep,
    )


def hang(job: Job, scene: bpy.types.Scene, cube: np.ndarray) -> None:
    """A camera for each view, where the object's cube lies, with the view behind what it sees."""
    try:
        poses, fov = np.array(job.report["poses"], np.float64), float(job.report["fov_deg"])
        if poses.shape != (len(job.images), 4, 4) or not np.isfinite(poses).all() or not 0 < fov < 180:
            raise ValueError
    except (KeyError, TypeError, ValueError) as error:
        raise Trouble("The views came without their cameras", "Make them again", "input") from error
    collection = bpy.data.collections.new(COLLECTION)
    scene.collection.children.link(collection)
    for number, (data, pose) in enumerate(zip(job.images, poses, strict=True)):
        lens = bpy.data.cameras.new(f"{job.name} {number:02}")
        lens.sensor_fit, lens.display_size = "HORIZONTAL", 0.1
        lens.lens = cameras.lens_for(fov, lens.sensor_width)
        camera = bpy.data.objects.new(lens.name, lens)
        camera.matrix_world = Matrix((cube @ pose).tolist())
        background = lens.background_images.new()
        background.image, background.alpha = image_import.load(data, lens.name), 1.0
        lens.show_background_images = True
        collection.objects.link(camera)
    scene.image_to_mesh.views.source = "IMAGES"
    mesh_import.push_undo("Views of Prompt")


def keep(job: Job, scene: bpy.types.Scene) -> None:
    """What the subject looks like now, as images."""
    for number, data in enumerate(job.images):
        image_import.load(data, f"{job.name} {number:02}").use_fake_user = True
    mesh_import.push_undo("Learn Subject")


classes = (PromptViews, LearnSubject)
register, unregister = bpy.utils.register_classes_factory(classes)

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The buttons that make meshes. Thin: the work is in jobs, sources and mesh_import."""

import time

import bpy

from ...backend.interface.tasks import PICTURE
from .. import session
from ..base import compat
from ..base.preferences import preferences
from ..base.trouble import Trouble, sentences
from ..jobs import recovery
from ..jobs.job import Job, State
from ..jobs.process import Attachments
from ..scene import input_image, mesh_export, placement
from ..settings import scene
from ..setup import environment


class Generate(bpy.types.Operator):
    """Make a coloured mesh from the image and put it at the 3D cursor"""

    bl_idname = "image_to_mesh.generate"
    bl_label = "Image to Mesh"

    wait: bpy.props.BoolProperty(
        name="Wait",
        description="Return when the mesh is there, for scripts without a window",
        options={"HIDDEN", "SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context):
        reason = obstacle(context)
        cls.poll_message_set(reason)
        return not reason

    def execute(self, context):
        return submit(self, context, make_job)


class MakeImage(bpy.types.Operator):
    """Make an image of the prompt, and choose it as the image for the mesh"""

    bl_idname = "image_to_mesh.make_image"
    bl_label = "Make Image"

    again: bpy.props.BoolProperty(
        name="Again", description="Take the next seed, for another image", options={"HIDDEN", "SKIP_SAVE"}
    )
    wait: bpy.props.BoolProperty(
        name="Wait", description="Return when the image is there", options={"HIDDEN", "SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context):
        reason = environment.obstacle() or input_image.missing_prompt(context.scene.image_to_mesh)
        cls.poll_message_set(reason)
        return not reason

    def execute(self, context):
        context.scene.image_to_mesh.seed += self.again
        return submit(self, context, make_image_job)


def obstacle(context) -> str:
    """Why no mesh can be made now, or an empty string."""
    return environment.obstacle() or input_image.missing(context.scene.image_to_mesh) or mesh_export.missing(context)


def submit(operator, context, make) -> set[str]:
    """Queue the job that make(context) returns; with operator.wait, return when it has ended."""
    try:
        job = make(context)
    except Trouble as trouble:
        operator.report({"ERROR"}, sentences(trouble.message, trouble.remedy))
        return {"CANCELLED"}
    session.queue.submit(job)
    session.start()
    if not operator.wait:
        return {"FINISHED"}
    wait_for([job])
    if job.state is not State.DONE:
        operator.report({"ERROR"}, sentences(job.message, job.remedy))
        return {"CANCELLED"}
    return {"FINISHED"}


def wait_for(jobs: list[Job]) -> None:
    """Until they have all ended, for scripts without a window."""
    while any(job in session.queue.jobs() for job in jobs):
        session.tick()
        time.sleep(0.02)


def make_image_job(context) -> Job:
    """A job that makes a picture of the prompt. Raises Trouble."""
    settings, engine = context.scene.image_to_mesh, PICTURE
    return Job(
        engine=engine.name,
        parameters=scene.parameters_of(engine, settings, preferences().device.lower()),
        seed=settings.seed,
        attachments=dict,
        name=input_image.name_of_prompt(settings),
        scene=context.scene.session_uid,
        inputs={"prompt": settings.prompt},
    )


def make_job(context) -> Job:
    """A job from what the panel shows. Raises Trouble."""
    settings = context.scene.image_to_mesh
    name, picture = input_image.read(settings, context.scene)
    job = new_job(context, name, picture, tuple(context.scene.cursor.location), input_image.origin(settings, picture))
    if input_image.is_prompt(settings) and "image" in scene.chosen_engine(settings).inputs:
        drawing = scene.parameters_of(PICTURE, settings, preferences().device.lower())
        job.inputs = {"prompt": settings.prompt, "picture": drawing}
    return job


def new_job(context, name: str, picture: Attachments, location: tuple[float, float, float], origin: dict) -> Job:
    """A job of the chosen engine with the settings that the panel shows. Raises Trouble."""
    settings = context.scene.image_to_mesh
    engine, start = scene.chosen_engine(settings), mesh_export.read(context)
    return Job(
        engine=engine.name,
        parameters=scene.parameters_of(engine, settings, preferences().device.lower()),
        seed=settings.seed,
        attachments=lambda: picture() | start(),
        name=name,
        location=location,
        scene=context.scene.session_uid,
        inputs={"prompt": settings.prompt} if "prompt" in engine.inputs else {},
        origin=origin | mesh_export.origin(context),
        placement=placement.wanted(context),
    )


class Cancel(bpy.types.Operator):
    """Stop this job and free what it uses"""

    bl_idname = "image_to_mesh.cancel"
    bl_label = "Cancel"

    job: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context):
        for job in session.queue.jobs():
            if job.id == self.job or not self.job:
                session.queue.cancel(job)
        session.start()
        return {"FINISHED"}


class Dismiss(bpy.types.Operator):
    """Take this message away"""

    bl_idname = "image_to_mesh.dismiss"
    bl_label = "Dismiss"

    def execute(self, context):
        session.queue.ended.clear()
        session.queue.failures.clear()
        return {"FINISHED"}


class Lower(bpy.types.Operator):
    """Set this lower, so that the next job needs less memory"""

    bl_idname = "image_to_mesh.lower"
    bl_label = "Lower Setting"
    bl_options = {"REGISTER", "UNDO"}

    job: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    parameter: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context):
        job = next((job for job in session.queue.ended if job.id == self.job and self.parameter in job.lower), None)
        if job is None:
            return {"CANCELLED"}
        value = job.lower.pop(self.parameter)
        scene.set_value(context.scene.image_to_mesh, preferences(), job.engine, self.parameter, value)
        return {"FINISHED"}


class PasteImage(bpy.types.Operator):
    """Take the image on the clipboard"""

    bl_idname = "image_to_mesh.paste_image"
    bl_label = "Paste Image"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        if not compat.can_paste_images():
            cls.poll_message_set("This Blender cannot paste images. Save the image and choose the file")
            return False
        if not bpy.ops.image.clipboard_paste.poll():
            cls.poll_message_set("There is no image on the clipboard, or this system does not share it with Blender")
            return False
        return True

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


class ImportFinished(bpy.types.Operator):
    """Bring in a mesh that was finished while Blender was closed or another file was open"""

    bl_idname = "image_to_mesh.import_finished"
    bl_label = "Import Finished Job"

    job: bpy.props.EnumProperty(name="Job", items=recovery.items, options={"SKIP_SAVE"})

    def execute(self, context):
        if self.job == recovery.NOTHING:
            return {"CANCELLED"}
        try:
            job = recovery.load(self.job, context.scene)
        except Trouble as trouble:
            self.report({"ERROR"}, sentences(trouble.message, trouble.remedy))
            return {"CANCELLED"}
        session.queue.arrived.append(job)
        session.start()
        session.queue.poll()
        return {"FINISHED"}


class FreeMemory(bpy.types.Operator):
    """Let the backend forget its models, so that their memory is free for rendering"""

    bl_idname = "image_to_mesh.free_memory"
    bl_label = "Free Memory"

    @classmethod
    def poll(cls, context):
        if session.queue.active:
            cls.poll_message_set("A job is running. Cancel it first")
            return False
        if not session.queue.process:
            cls.poll_message_set("The backend is not running, it uses no memory")
            return False
        return True

    def execute(self, context):
        session.queue.stop(timeout=1.0)
        return {"FINISHED"}


classes = (Generate, MakeImage, Cancel, Dismiss, Lower, PasteImage, ImportFinished, FreeMemory)
register, unregister = bpy.utils.register_classes_factory(classes)

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The buttons of jobs: cancel, finish now, dismiss, lower a setting, import, resume, free memory."""

from __future__ import annotations

from pathlib import Path

import bpy

from ...backend.interface import tasks
from .. import session
from ..jobs import recovery
from ..scene import delivery
from ..settings import engines
from ..setup import folders, job_folders
from .job_operator import ExplainedOperator, JobOperator

NOTHING = "NONE"  # the entry of an empty menu
MENU_LENGTH = 30

Item = tuple[str, str, str, int, int]


class IMAGE_TO_MESH_OT_cancel(bpy.types.Operator):
    """Stop this job and free its memory"""

    bl_idname = "image_to_mesh.cancel"
    bl_label = "Cancel"

    job: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})  # its id, or empty for all jobs

    def execute(self, context):
        queue = session.current().queue
        for job in queue.jobs():
            if job.id == self.job or not self.job:
                queue.cancel(job)
        session.current().timer.start()
        return {"FINISHED"}


class IMAGE_TO_MESH_OT_stop_and_keep(bpy.types.Operator):
    """Stop optimising now and keep the result so far"""

    bl_idname = "image_to_mesh.stop_and_keep"
    bl_label = "Finish Now"

    job: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context):
        queue = session.current().queue
        if queue.active is None or queue.active.id != self.job:
            return {"CANCELLED"}
        queue.stop_and_keep(queue.active)
        return {"FINISHED"}


class IMAGE_TO_MESH_OT_dismiss(bpy.types.Operator):
    """Hide this message"""

    bl_idname = "image_to_mesh.dismiss"
    bl_label = "Dismiss"

    def execute(self, context):
        session.current().queue.ended.clear()
        session.current().queue.failures.clear()
        return {"FINISHED"}


class IMAGE_TO_MESH_OT_lower(bpy.types.Operator):
    """Lower this setting, so that the next job needs less memory"""

    bl_idname = "image_to_mesh.lower"
    bl_label = "Lower Setting"
    bl_options = {"REGISTER", "UNDO"}

    job: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    parameter: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context):
        job = next((job for job in session.current().queue.ended if job.id == self.job), None)
        if job is None or self.parameter not in job.outcome.lower:
            return {"CANCELLED"}
        value, engine = job.outcome.lower.pop(self.parameter), tasks.task(job.request.engine)
        engines.set_value(context.scene.image_to_mesh, engine, self.parameter, value)
        return {"FINISHED"}


class StoredJobOperator(JobOperator):
    """A menu of job folders; choosing one submits a job that is made from it."""

    @classmethod
    def why_unavailable(cls, context) -> str:
        return ""

    def execute(self, context):
        return {"CANCELLED"} if self.job == NOTHING else super().execute(context)

    def folder(self) -> Path:
        """The chosen job's."""
        return folders.chosen().jobs / self.job


_items: dict[str, list[Item]] = {}  # by the empty menu's title; Blender keeps no reference to these strings


def menu(found: list[Path], nothing: str, description: str) -> list[Item]:
    """The entries of a menu of job folders; one that says so if there are none."""
    icons = session.current().icons
    items = [
        (folder.name, job_folders.describe(folder), str(folder), icons.file_id(folder / job_folders.THUMBNAIL), number)
        for number, folder in enumerate(found[:MENU_LENGTH])
    ]
    _items[nothing] = items or [(NOTHING, nothing, description, 0, 0)]
    return _items[nothing]


def finished_items(_self, _context) -> list[Item]:
    found = job_folders.unimported(folders.chosen().jobs)
    return menu(found, "Nothing to Import", "All finished meshes have been imported")


def resumable_items(_self, _context) -> list[Item]:
    known = {job.id for job in session.current().queue.jobs()}
    found = [folder for folder in job_folders.resumable(folders.chosen().jobs) if folder.name not in known]
    return menu(found, "Nothing to Resume", "No interrupted job has a checkpoint")


class IMAGE_TO_MESH_OT_import_finished(StoredJobOperator, bpy.types.Operator):
    """Add a mesh that was finished while Blender was closed or another file was open"""

    bl_idname = "image_to_mesh.import_finished"
    bl_label = "Import Finished Job"

    job: bpy.props.EnumProperty(name="Job", items=finished_items, options={"SKIP_SAVE"})

    def make_job(self, context):
        session.current().disk_scan.imports(self.job)
        return recovery.finished(self.folder(), delivery.mesh_delivery(context))


class IMAGE_TO_MESH_OT_resume(StoredJobOperator, bpy.types.Operator):
    """Continue a cancelled or crashed job from its last checkpoint"""

    bl_idname = "image_to_mesh.resume"
    bl_label = "Resume Job"

    job: bpy.props.EnumProperty(name="Job", items=resumable_items, options={"SKIP_SAVE"})

    def make_job(self, context):
        images = delivery.SubjectImages(context.scene.session_uid)
        return recovery.resumed(self.folder(), delivery.mesh_delivery(context), images)


class IMAGE_TO_MESH_OT_free_memory(ExplainedOperator, bpy.types.Operator):
    """Unload the backend's models, to free memory for rendering"""

    bl_idname = "image_to_mesh.free_memory"
    bl_label = "Free Memory"

    @classmethod
    def why_unavailable(cls, context) -> str:
        if session.current().queue.active:
            return "A job is running. Cancel it first"
        return "" if session.current().queue.process else "The backend is not running"

    def execute(self, context):
        session.current().queue.unload()
        return {"FINISHED"}


classes = (
    IMAGE_TO_MESH_OT_cancel,
    IMAGE_TO_MESH_OT_stop_and_keep,
    IMAGE_TO_MESH_OT_dismiss,
    IMAGE_TO_MESH_OT_lower,
    IMAGE_TO_MESH_OT_import_finished,
    IMAGE_TO_MESH_OT_resume,
    IMAGE_TO_MESH_OT_free_memory,
)
register, unregister = bpy.utils.register_classes_factory(classes)

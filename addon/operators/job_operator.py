# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Base classes of operators: buttons that say why they are grey, buttons that queue a job, file browsers."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import bpy

from ...backend.interface.task import Task
from .. import session
from ..base import stored_paths
from ..base.trouble import Trouble, sentences
from ..jobs.job import Job, Request, State
from ..jobs.process import Attachments
from ..settings import engines

if TYPE_CHECKING:
    Mixin = bpy.types.Operator
else:
    Mixin = object  # Blender knows only the operators that inherit from these classes and from Operator


def report_trouble(operator: bpy.types.Operator, trouble: Trouble) -> set[str]:
    """Show an error to the artist and end the operator."""
    operator.report({"ERROR"}, trouble.sentences())
    return {"CANCELLED"}


class ExplainedOperator(Mixin):
    """An operator whose tooltip says why its button is grey."""

    @classmethod
    def why_unavailable(cls, context) -> str:
        """Why the button is grey, or an empty string. Cheap: Blender asks on every redraw."""
        raise NotImplementedError

    @classmethod
    def poll(cls, context):
        reason = cls.why_unavailable(context)
        cls.poll_message_set(bpy.app.translations.pgettext_tip(reason))
        return not reason


class JobOperator(ExplainedOperator):
    """An operator that queues one job."""

    wait: bpy.props.BoolProperty(
        name="Wait",
        description="Return when the job has ended, for scripts without a window",
        options={"HIDDEN", "SKIP_SAVE"},
    )

    @classmethod
    def why_unavailable(cls, context) -> str:
        return session.current().setup.why_unavailable() or cls.missing(context)

    @classmethod
    def missing(cls, context) -> str:
        """Why there is nothing to work on, or an empty string. Cheap: Blender asks on every redraw."""
        raise NotImplementedError

    def make_job(self, context) -> Job:
        """The job, from what is set and selected now. Raises Trouble."""
        raise NotImplementedError

    def execute(self, context):
        try:
            job = self.make_job(context)
        except Trouble as trouble:
            return report_trouble(self, trouble)
        session.current().submit(job)
        if not self.wait:
            return {"FINISHED"}
        session.current().wait_for([job])
        if job.state is not State.DONE:
            self.report({"ERROR"}, sentences(job.outcome.message, job.outcome.remedy))
            return {"CANCELLED"}
        return {"FINISHED"}


def request_of(context, task: Task, name: str, attachments: Attachments = dict, **more) -> Request:
    """A request for a task with the settings of the scene; `more` are fields of Request. Raises Trouble."""
    settings = context.scene.image_to_mesh
    return Request(task.name, engines.parameters_of(settings, task), settings.seed, attachments, name, **more)


class FilesOperator(Mixin):
    """An operator that asks for image files in the file browser."""

    directory: bpy.props.StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    files: bpy.props.CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})
    filter_image: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    display_type: bpy.props.EnumProperty(  # read by the file browser
        items=(("LIST", "List", "", 1), ("THUMBNAIL", "Thumbnails", "", 3)),
        default="THUMBNAIL",
        options={"HIDDEN", "SKIP_SAVE"},
    )
    filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context, event):
        if chosen := context.scene.image_to_mesh.filepath:  # begin where the last image was
            with suppress(Trouble):
                self.directory = str(stored_paths.absolute(chosen).parent)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def names(self) -> list[str]:
        """Names of the chosen files in `directory`."""
        return [file.name for file in self.files if file.name]

# SPDX-License-Identifier: GPL-3.0-or-later
"""The buttons of the preferences: set up, stop, remove, measure, check. Thin: the work is in setup."""

import shutil
from pathlib import Path

import bpy

from .. import session
from ..base.preferences import PACKAGE, preferences
from ..base.trouble import sentences
from ..jobs import recovery
from ..setup import environment


class TaskOperator(bpy.types.Operator):
    """A button that starts a task, which needs that nothing else is going on"""

    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context):
        reason = cls.obstacle()
        cls.poll_message_set(reason)
        return not reason

    @classmethod
    def obstacle(cls) -> str:
        if environment.running():
            return "Wait until what is going on has ended"
        return "A job is running. Cancel it, or wait until it has ended" if session.queue.busy else ""

    def begin(self, wanted: environment.Chosen) -> None:
        raise NotImplementedError

    def execute(self, context):
        session.queue.stop()  # an idle backend holds files open, which Windows would not let us replace
        self.begin(environment.chosen(preferences()))
        session.start()
        return {"FINISHED"}


class SetUp(TaskOperator):
    """Make the backend's own Python environment in the data folder. Downloads PyTorch and other packages once"""

    bl_idname = "image_to_mesh.set_up"
    bl_label = "Set Up Backend"

    @classmethod
    def obstacle(cls) -> str:
        if not bpy.app.online_access:
            if bpy.app.online_access_override:
                return "Blender was started in offline mode, and packages must be downloaded"
            return "Packages must be downloaded. Allow online access first, here or in Preferences > System"
        return super().obstacle()

    def begin(self, wanted):
        environment.install(wanted, session.log_path(wanted.data_folder))


class StopTask(bpy.types.Operator):
    """Stop here. What is downloaded is kept, and the same button goes on from there"""

    bl_idname = "image_to_mesh.stop_task"
    bl_label = "Stop"
    bl_options = {"INTERNAL"}

    def execute(self, context):
        if task := environment.task():
            task.stop()
        return {"FINISHED"}


class RemoveEnvironment(TaskOperator):
    """Delete the backend's environment from the disk. Finished meshes stay"""

    bl_idname = "image_to_mesh.remove_environment"
    bl_label = "Remove Backend"

    def invoke(self, context, event):
        return context.window_manager.invoke_confirm(self, event)

    def begin(self, wanted):
        environment.remove(wanted)


class RemoveJobs(TaskOperator):
    """Delete the folders of jobs whose mesh was imported. Meshes stay, and so do results that wait for their import"""

    bl_idname = "image_to_mesh.remove_jobs"
    bl_label = "Remove Imported Jobs"

    def invoke(self, context, event):
        return context.window_manager.invoke_confirm(self, event)

    def begin(self, wanted):
        folder = session.jobs_folder(wanted.data_folder)

        def work(task: environment.Task) -> None:
            for job in recovery.idle(folder):
                shutil.rmtree(job, ignore_errors=True)

        environment.begin("Removing jobs", work)


class Measure(TaskOperator):
    """Find out how much room the folders take"""

    bl_idname = "image_to_mesh.measure"
    bl_label = "Show Sizes"

    def begin(self, wanted):
        environment.measure(wanted)


class CheckInterpreter(TaskOperator):
    """Start the named interpreter and look whether it has all that the backend needs"""

    bl_idname = "image_to_mesh.check_interpreter"
    bl_label = "Check Interpreter"

    @classmethod
    def obstacle(cls) -> str:
        return super().obstacle() if preferences().python else "Name an interpreter first"

    def begin(self, wanted):
        environment.check(wanted)


class OpenFolder(bpy.types.Operator):
    """Show the data folder in the system's file browser"""

    bl_idname = "image_to_mesh.open_folder"
    bl_label = "Open Data Folder"
    bl_options = {"INTERNAL"}

    def execute(self, context):
        return show_folder(self, environment.chosen(preferences()).data_folder)


def show_folder(operator: bpy.types.Operator, folder: Path) -> set[str]:
    """Open it in the system's file browser; made first if nobody has."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        operator.report({"ERROR"}, sentences(f"{folder} cannot be made: {error.strerror}", environment.OTHER_FOLDER))
        return {"CANCELLED"}
    return bpy.ops.wm.path_open(filepath=str(folder))


class OpenPreferences(bpy.types.Operator):
    """Show this extension's preferences"""

    bl_idname = "image_to_mesh.open_preferences"
    bl_label = "Preferences"

    def execute(self, context):
        bpy.ops.preferences.addon_show(module=PACKAGE)
        return {"FINISHED"}


classes = (
    SetUp,
    StopTask,
    RemoveEnvironment,
    RemoveJobs,
    Measure,
    CheckInterpreter,
    OpenFolder,
    OpenPreferences,
)
register, unregister = bpy.utils.register_classes_factory(classes)

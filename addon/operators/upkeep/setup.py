# SPDX-License-Identifier: GPL-3.0-or-later
"""The buttons of the preferences: set up, stop, remove, measure, check, open."""

from pathlib import Path

import bpy

from ... import session
from ...base.preferences import PACKAGE, preferences
from ...base.trouble import sentences
from ...setup import folders
from ...setup.environment import Setup
from ..job_operator import ExplainedOperator

RUNNING = "Wait for the running task to finish"
JOB_RUNNING = "A job is running. Cancel it or wait for it to finish"


class SetupOperator(ExplainedOperator):
    """An operator that starts a background task. No other task and no job may run."""

    bl_options = {"INTERNAL"}

    @classmethod
    def why_unavailable(cls, context) -> str:
        if session.current().setup.running:
            return RUNNING
        return JOB_RUNNING if session.current().queue.busy else ""

    def begin(self, setup: Setup, chosen: folders.Chosen) -> None:
        raise NotImplementedError

    def execute(self, context):
        session.current().queue.stop()  # an idle backend holds files open, which Windows would not let us replace
        self.begin(session.current().setup, folders.chosen())
        return {"FINISHED"}


class ConfirmedOperator(SetupOperator):
    """A SetupOperator that asks the artist before it begins."""

    def invoke(self, context, event):
        return context.window_manager.invoke_confirm(self, event)


class IMAGE_TO_MESH_OT_set_up(SetupOperator, bpy.types.Operator):
    """Create the backend's own Python environment in the data folder. Downloads PyTorch and other packages once"""

    bl_idname = "image_to_mesh.set_up"
    bl_label = "Set Up Backend"

    @classmethod
    def why_unavailable(cls, context) -> str:
        return why_offline() or super().why_unavailable(context)

    def begin(self, setup, chosen):
        setup.install(chosen)


class IMAGE_TO_MESH_OT_stop_task(bpy.types.Operator):
    """Stop here. Finished parts are kept, and the same button resumes"""

    bl_idname = "image_to_mesh.stop_task"
    bl_label = "Stop"
    bl_options = {"INTERNAL"}

    def execute(self, context):
        if task := session.current().setup.task:
            task.stop()
        return {"FINISHED"}


class IMAGE_TO_MESH_OT_remove_environment(ConfirmedOperator, bpy.types.Operator):
    """Delete the backend's environment from the disk. Finished meshes stay"""

    bl_idname = "image_to_mesh.remove_environment"
    bl_label = "Remove Backend"

    @classmethod
    def why_unavailable(cls, context) -> str:
        if not session.current().setup.has_environment():
            return "Nothing is set up, so there is nothing to remove"
        return super().why_unavailable(context)

    def begin(self, setup, chosen):
        setup.remove(chosen)


class IMAGE_TO_MESH_OT_remove_jobs(ConfirmedOperator, bpy.types.Operator):
    """Delete the folders of imported jobs, and of jobs that ended without a result more than a day ago. Meshes in your
    files stay, and so do results that are not imported yet"""

    bl_idname = "image_to_mesh.remove_jobs"
    bl_label = "Remove Imported Jobs"

    def begin(self, setup, chosen):
        setup.remove_jobs(chosen)


class IMAGE_TO_MESH_OT_measure(SetupOperator, bpy.types.Operator):
    """Measure the size of the folders"""

    bl_idname = "image_to_mesh.measure"
    bl_label = "Show Sizes"

    def begin(self, setup, chosen):
        setup.measure(chosen)


class IMAGE_TO_MESH_OT_check_interpreter(SetupOperator, bpy.types.Operator):
    """Check that the interpreter has all packages that the backend needs"""

    bl_idname = "image_to_mesh.check_interpreter"
    bl_label = "Check Interpreter"

    @classmethod
    def why_unavailable(cls, context) -> str:
        return super().why_unavailable(context) if preferences().python else "Choose an interpreter first"

    def begin(self, setup, chosen):
        setup.check(chosen)


class IMAGE_TO_MESH_OT_open_folder(bpy.types.Operator):
    """Open the data folder in the system's file browser"""

    bl_idname = "image_to_mesh.open_folder"
    bl_label = "Open Data Folder"
    bl_options = {"INTERNAL"}

    def execute(self, context):
        return show_folder(self, folders.chosen().data_folder)


def why_offline() -> str:
    """The reason why nothing can be downloaded, or an empty string."""
    if bpy.app.online_access:
        return ""
    if bpy.app.online_access_override:
        return "Blender was started in offline mode"
    return "Tick Allow Online Access first"


def show_folder(operator: bpy.types.Operator, folder: Path) -> set[str]:
    """Open a folder in the system's file browser. It is created if it does not exist."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        operator.report({"ERROR"}, sentences(f"{folder} cannot be made: {error.strerror}", folders.OTHER_FOLDER))
        return {"CANCELLED"}
    return bpy.ops.wm.path_open(filepath=str(folder))


class IMAGE_TO_MESH_OT_open_preferences(bpy.types.Operator):
    """Open this extension's preferences"""

    bl_idname = "image_to_mesh.open_preferences"
    bl_label = "Preferences"

    def execute(self, context):
        bpy.ops.preferences.addon_show(module=PACKAGE)
        return {"FINISHED"}


classes = (
    IMAGE_TO_MESH_OT_set_up,
    IMAGE_TO_MESH_OT_stop_task,
    IMAGE_TO_MESH_OT_remove_environment,
    IMAGE_TO_MESH_OT_remove_jobs,
    IMAGE_TO_MESH_OT_measure,
    IMAGE_TO_MESH_OT_check_interpreter,
    IMAGE_TO_MESH_OT_open_folder,
    IMAGE_TO_MESH_OT_open_preferences,
)
register, unregister = bpy.utils.register_classes_factory(classes)

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The buttons beside each set of weights. Thin: the work is in models."""

from pathlib import Path

import bpy

from ...backend.interface import catalog
from .. import session
from ..base.preferences import preferences
from ..panels.preferences import megabytes
from ..setup import disk_scan, environment
from ..setup import weights as models
from . import setup as setup_operators


class ModelOperator(bpy.types.Operator):
    """A button that does something with a set of weights in the backend's own environment"""

    bl_options = {"INTERNAL"}
    verb = ""

    model: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context):
        reason = cls.obstacle()
        cls.poll_message_set(reason)
        return not reason

    @classmethod
    def obstacle(cls) -> str:
        if environment.running():
            return "Wait until what is going on has ended"
        return "" if environment.is_ready() else "The backend is not set up yet. " + environment.SET_UP

    def flags(self) -> tuple[str, ...]:
        """More for the command line."""
        return ()

    def execute(self, context):
        models.begin(environment.chosen(preferences()), self.verb, self.model, *self.flags())
        session.start()
        return {"FINISHED"}


class DownloadModel(ModelOperator):
    """Download these weights, or go on with a download that was stopped"""

    bl_idname = "image_to_mesh.download_model"
    bl_label = "Download Weights"
    verb = "download"

    @classmethod
    def obstacle(cls) -> str:
        if not bpy.app.online_access:
            if bpy.app.online_access_override:
                return "Blender was started in offline mode"
            return "Allow online access first, above or in Preferences > System"
        return super().obstacle()

    def invoke(self, context, event):
        return context.window_manager.invoke_props_dialog(self, width=500, confirm_text="Download")

    def draw(self, context):
        """What the artist agrees to."""
        weights = catalog.weights(self.model)
        self.layout.label(text=f"{weights.title}: {megabytes(weights.size)}", icon="IMPORT")
        self.layout.label(text=f"Licence: {models.licence(weights)}")
        if weights.note:
            self.layout.label(text=weights.note)
        if weights.gated:
            self.layout.label(text="Agree to the licence on the publisher's page and log in (hf auth login) first")


class VerifyModel(ModelOperator):
    """Read all files of these weights and compare them with their checksums"""

    bl_idname = "image_to_mesh.verify_model"
    bl_label = "Verify Weights"
    verb = "verify"


class ConvertModel(ModelOperator):
    """Write these weights once in half precision: a sixth of the disk, and quicker to load"""

    bl_idname = "image_to_mesh.convert_model"
    bl_label = "Convert Weights"
    verb = "convert"

    remove_original: bpy.props.BoolProperty(
        name="Delete the Original Afterwards",
        description="Keep only the converted weights. A copy in a folder of your own stays",
    )

    def flags(self):
        return ("--remove-original",) if self.remove_original else ()

    def invoke(self, context, event):
        return context.window_manager.invoke_props_dialog(self, confirm_text="Convert")


class RemoveModel(ModelOperator):
    """Delete these weights from the disk. Copies in other folders stay"""

    bl_idname = "image_to_mesh.remove_model"
    bl_label = "Remove Weights"
    verb = "remove"

    @classmethod
    def obstacle(cls) -> str:
        busy = "A job is running. Cancel it, or wait until it has ended" if session.queue.busy else ""
        return busy or super().obstacle()

    def invoke(self, context, event):
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context):
        session.queue.stop()  # an idle backend holds files open, which Windows would not let us delete
        return super().execute(context)


class OpenModelFolder(bpy.types.Operator):
    """Show where these weights lie, in the system's file browser"""

    bl_idname = "image_to_mesh.open_model_folder"
    bl_label = "Open Folder"
    bl_options = {"INTERNAL"}

    model: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context):
        found = disk_scan.seen().models.get(self.model, {}).get("folder")
        folder = Path(found) if found else environment.chosen(preferences()).weights
        return setup_operators.show_folder(self, folder)


classes = (DownloadModel, VerifyModel, ConvertModel, RemoveModel, OpenModelFolder)
register, unregister = bpy.utils.register_classes_factory(classes)

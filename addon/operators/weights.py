# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The buttons beside each set of weights in the preferences."""

from pathlib import Path

import bpy

from ...backend.interface import catalog
from .. import session
from ..setup import folders, weights
from .job_operator import ExplainedOperator
from .setup import JOB_RUNNING, RUNNING, show_folder, why_offline


class WeightsOperator(ExplainedOperator):
    """An operator that does something with a set of weights in the backend's own environment."""

    bl_options = {"INTERNAL"}
    verb = ""  # of the backend's command line

    model: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})  # the set's id

    @classmethod
    def why_unavailable(cls, context) -> str:
        setup = session.current().setup
        return RUNNING if setup.running else setup.why_unavailable()

    def flags(self) -> tuple[str, ...]:
        """More arguments for the command line."""
        return ()

    def execute(self, context):
        weights.begin(session.current().setup, folders.chosen(), self.verb, self.model, *self.flags())
        return {"FINISHED"}


class IMAGE_TO_MESH_OT_download_model(WeightsOperator, bpy.types.Operator):
    """Download these weights, or resume a stopped download"""

    bl_idname = "image_to_mesh.download_model"
    bl_label = "Download Weights"
    verb = "download"

    @classmethod
    def why_unavailable(cls, context) -> str:
        return why_offline() or super().why_unavailable(context)

    def invoke(self, context, event):
        return context.window_manager.invoke_props_dialog(self, width=500, confirm_text="Download")

    def draw(self, context):
        """Size and terms, before the artist agrees."""
        offered = catalog.weights(self.model)
        self.layout.label(text=f"{offered.title}: {weights.megabytes(offered.size)}", icon="IMPORT")
        self.layout.label(text=f"Licence: {weights.licence(offered)}")
        if offered.note:
            self.layout.label(text=offered.note)
        if offered.gated:
            self.layout.label(text="First accept the licence on the publisher's page and log in (hf auth login)")


class IMAGE_TO_MESH_OT_verify_model(WeightsOperator, bpy.types.Operator):
    """Check all files of these weights against their checksums"""

    bl_idname = "image_to_mesh.verify_model"
    bl_label = "Verify Weights"
    verb = "verify"


class IMAGE_TO_MESH_OT_convert_model(WeightsOperator, bpy.types.Operator):
    """Convert these weights to half precision: a sixth of the size, and faster to load"""

    bl_idname = "image_to_mesh.convert_model"
    bl_label = "Convert Weights"
    verb = "convert"

    remove_original: bpy.props.BoolProperty(
        name="Delete Original",
        description="Keep only the converted weights. Copies in other folders stay",
    )

    def flags(self):
        return ("--remove-original",) if self.remove_original else ()

    def invoke(self, context, event):
        return context.window_manager.invoke_props_dialog(self, confirm_text="Convert")


class IMAGE_TO_MESH_OT_remove_model(WeightsOperator, bpy.types.Operator):
    """Delete these weights from the disk. Copies in other folders stay"""

    bl_idname = "image_to_mesh.remove_model"
    bl_label = "Remove Weights"
    verb = "remove"

    @classmethod
    def why_unavailable(cls, context) -> str:
        return JOB_RUNNING if session.current().queue.busy else super().why_unavailable(context)

    def invoke(self, context, event):
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context):
        session.current().queue.stop()  # an idle backend holds files open, which Windows would not let us delete
        return super().execute(context)


class IMAGE_TO_MESH_OT_open_model_folder(bpy.types.Operator):
    """Open the folder of these weights in the system's file browser"""

    bl_idname = "image_to_mesh.open_model_folder"
    bl_label = "Open Folder"
    bl_options = {"INTERNAL"}

    model: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context):
        found = session.current().disk_scan.seen().weights.get(self.model, {}).get("folder")
        return show_folder(self, Path(found) if found else folders.chosen().weights)


classes = (
    IMAGE_TO_MESH_OT_download_model,
    IMAGE_TO_MESH_OT_verify_model,
    IMAGE_TO_MESH_OT_convert_model,
    IMAGE_TO_MESH_OT_remove_model,
    IMAGE_TO_MESH_OT_open_model_folder,
)
register, unregister = bpy.utils.register_classes_factory(classes)

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The buttons beside each set of weights, and each bundle of them, in the preferences."""

from collections.abc import Sequence
from pathlib import Path

import bpy

from ....backend.interface import bundles, catalog
from ... import session
from ...scene import better_weights
from ...setup import folders, weights
from ..job_operator import ExplainedOperator
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
    """Download these weights and those that they need, or resume a stopped download"""

    bl_idname = "image_to_mesh.download_model"
    bl_label = "Download Weights"

    @classmethod
    def why_unavailable(cls, context) -> str:
        return why_offline() or super().why_unavailable(context)

    def invoke(self, context, event):
        return context.window_manager.invoke_props_dialog(self, width=500, confirm_text="Download")

    def draw(self, context):
        """Size and terms, before the artist agrees."""
        for offered in lacking(bundles.with_required(self.model)):
            self.layout.label(text=f"{offered.title}: {weights.megabytes(offered.size)}", icon="IMPORT")
            self.layout.label(text=licence(offered))
            if offered.note:
                self.layout.label(text=offered.note)
            if offered.gated:
                self.layout.label(text="First accept the licence on the publisher's page and log in (hf auth login)")

    def execute(self, context):
        needed = bundles.with_required(self.model)
        weights.begin_downloads(session.current().setup, folders.chosen(), needed[0].title, lacking(needed))
        return {"FINISHED"}


class IMAGE_TO_MESH_OT_download_bundle(ExplainedOperator, bpy.types.Operator):
    """Download this, or resume a stopped download. It then takes the place of the built-in model"""

    bl_idname = "image_to_mesh.download_bundle"
    bl_label = "Download Bundle"
    bl_options = {"INTERNAL"}

    bundle: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})  # its id

    @classmethod
    def why_unavailable(cls, context) -> str:
        return IMAGE_TO_MESH_OT_download_model.why_unavailable(context)

    def execute(self, context):
        bundle = bundles.bundle(self.bundle)
        weights.begin_downloads(
            session.current().setup,
            folders.chosen(),
            bundle.title,
            lacking(bundle.sets),
            lambda: better_weights.adopt(bundle),
        )
        return {"FINISHED"}


class IMAGE_TO_MESH_OT_use_bundle(bpy.types.Operator):
    """Use these weights in this scene"""

    bl_idname = "image_to_mesh.use_bundle"
    bl_label = "Use Bundle"
    bl_options = {"INTERNAL", "UNDO"}

    bundle: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})  # its id

    def execute(self, context):
        better_weights.choose(context.scene, bundles.bundle(self.bundle))
        return {"FINISHED"}


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
        better_weights.forget(self.model)
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


def lacking(sets: Sequence[catalog.Weights]) -> list[catalog.Weights]:
    """The sets that are not known to be here."""
    seen = session.current().disk_scan.seen()
    return [weights for weights in sets if not seen.has(weights.id)]


def licence(offered: catalog.Weights | bundles.Bundle) -> str:
    """A licence, and what it permits in plain words, in Blender's language."""
    return f"{bpy.app.translations.pgettext_iface(bundles.TERMS[offered.commercial_use])} ({offered.licence})"


classes = (
    IMAGE_TO_MESH_OT_download_model,
    IMAGE_TO_MESH_OT_download_bundle,
    IMAGE_TO_MESH_OT_use_bundle,
    IMAGE_TO_MESH_OT_verify_model,
    IMAGE_TO_MESH_OT_convert_model,
    IMAGE_TO_MESH_OT_remove_model,
    IMAGE_TO_MESH_OT_open_model_folder,
)
register, unregister = bpy.utils.register_classes_factory(classes)

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The buttons of the list of versions."""

import bpy

from ..jobs.job import Job
from ..scene import delivery, mesh_import, versions, viewport
from .job_operator import ExplainedOperator, JobOperator


class IMAGE_TO_MESH_OT_again(JobOperator, bpy.types.Operator):
    """Make this version again, with the same image, prompt and settings"""

    bl_idname = "image_to_mesh.again"
    bl_label = "Again"

    other: bpy.props.BoolProperty(
        name="Another Seed", description="Use the next seed, for a variation", options={"HIDDEN", "SKIP_SAVE"}
    )

    @classmethod
    def missing(cls, context) -> str:
        version = versions.chosen(context.scene)
        return versions.not_repeatable(version) if version else "There is no version yet"

    def make_job(self, context):
        version = versions.chosen(context.scene)
        assert version
        seed = versions.next_seed(context.scene, version) if self.other else None
        return Job(versions.request_again(context, version, seed), delivery.mesh_delivery(context))


class VersionOperator(ExplainedOperator):
    """An operator that does something with the chosen version."""

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def why_unavailable(cls, context) -> str:
        version = versions.chosen(context.scene)
        if version is None:
            return "Choose a version in the list"
        return "" if version.mesh else "Its mesh is no longer in this file. Use Again"


class IMAGE_TO_MESH_OT_go_back(VersionOperator, bpy.types.Operator):
    """Give the active object this version of its mesh. Location, parent, collections and modifiers stay"""

    bl_idname = "image_to_mesh.go_back"
    bl_label = "Restore Version"

    @classmethod
    def why_unavailable(cls, context) -> str:
        return super().why_unavailable(context) or not_restorable(context)

    def execute(self, context):
        versions.go_back(context.scene, context.active_object, versions.chosen(context.scene))
        viewport.show_colors(context.active_object)
        return {"FINISHED"}


class IMAGE_TO_MESH_OT_put_beside(VersionOperator, bpy.types.Operator):
    """Put this version beside the active object, for comparison"""

    bl_idname = "image_to_mesh.put_beside"
    bl_label = "Compare"

    @classmethod
    def why_unavailable(cls, context) -> str:
        return super().why_unavailable(context) or ("Switch to Object Mode first" if context.mode != "OBJECT" else "")

    def execute(self, context):
        versions.put_beside(context, versions.chosen(context.scene))
        return {"FINISHED"}


class IMAGE_TO_MESH_OT_forget(ExplainedOperator, bpy.types.Operator):
    """Remove this version from the list. Objects that use its mesh keep it"""

    bl_idname = "image_to_mesh.forget"
    bl_label = "Delete Version"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def why_unavailable(cls, context) -> str:
        return "" if versions.chosen(context.scene) else "There is no version to delete"

    def execute(self, context):
        scene = context.scene
        scene.image_to_mesh_versions.remove(scene.image_to_mesh_version)
        scene.image_to_mesh_version = min(scene.image_to_mesh_version, len(scene.image_to_mesh_versions) - 1)
        return {"FINISHED"}


def not_restorable(context) -> str:
    """The reason why the active object cannot take the chosen version's mesh, or an empty string."""
    active, version = context.active_object, versions.chosen(context.scene)
    if reason := not_replaceable(active):
        return reason
    is_its = versions.belongs_to(context.scene, version, active)
    return "" if is_its else "Select the object that this version was made for"


def not_replaceable(active) -> str:
    """The reason why an object cannot take another mesh, or an empty string."""
    if active is None or active.type != "MESH":
        return "Select the object that this version was made for"
    if active.library or active.override_library:
        return "The active object is linked from another file"
    return mesh_import.why_not_now()


classes = (IMAGE_TO_MESH_OT_again, IMAGE_TO_MESH_OT_go_back, IMAGE_TO_MESH_OT_put_beside, IMAGE_TO_MESH_OT_forget)
register, unregister = bpy.utils.register_classes_factory(classes)

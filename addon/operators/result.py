# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The buttons of the result: turn its picture, compare it with the version before, four variations, keep one."""

from dataclasses import replace

import bpy

from .. import session
from ..base.trouble import Trouble
from ..jobs.job import Job
from ..scene import delivery, mesh_import, result_view, together, versions, viewport
from ..scene.images import input_image
from .generate import IMAGE_TO_MESH_OT_generate, chosen_inputs, mesh_job
from .history import not_replaceable
from .job_operator import ExplainedOperator, report_trouble

COUNT = 4


class IMAGE_TO_MESH_OT_turn_result(ExplainedOperator, bpy.types.Operator):
    """Look at the result from another side"""

    bl_idname = "image_to_mesh.turn_result"
    bl_label = "Turn"
    bl_options = {"INTERNAL"}

    step: bpy.props.IntProperty(default=1, options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def why_unavailable(cls, context) -> str:
        version = result_view.shown(context)
        return "" if version and version.mesh else "There is no mesh to look at"

    def execute(self, context):
        session.current().result.turn(result_view.shown(context), self.step)
        session.current().timer.start()
        return {"FINISHED"}


class IMAGE_TO_MESH_OT_before_after(ExplainedOperator, bpy.types.Operator):
    """Change between the active object's mesh and the version before it"""

    bl_idname = "image_to_mesh.before_after"
    bl_label = "Before / After"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def why_unavailable(cls, context) -> str:
        active = context.active_object
        if reason := not_replaceable(active):
            return reason
        return "" if result_view.before(context.scene, active) else "There is no other version of this object"

    def execute(self, context):
        scene, active = context.scene, context.active_object
        other = result_view.before(scene, active)
        versions.go_back(scene, active, other)
        viewport.show_colors(active)
        return {"FINISHED"}


class IMAGE_TO_MESH_OT_variations(ExplainedOperator, bpy.types.Operator):
    """Make four meshes with different seeds, side by side. Keep This One removes the others"""

    bl_idname = "image_to_mesh.variations"
    bl_label = "4 Variations"

    wait: bpy.props.BoolProperty(
        name="Wait", description="Return when the jobs have ended", options={"HIDDEN", "SKIP_SAVE"}
    )

    @classmethod
    def why_unavailable(cls, context) -> str:
        return IMAGE_TO_MESH_OT_generate.why_unavailable(context)

    def execute(self, context):
        settings, now = context.scene.image_to_mesh, session.current()
        shared = {together.VARIATIONS: together.new_name()}
        try:
            name, image = input_image.read(settings, context.scene)
            origin, inputs = input_image.origin(settings, image), chosen_inputs(settings) | shared
            to = delivery.mesh_delivery(context)
            to = to.otherwise if isinstance(to, delivery.ReplacedMesh) else to
            first = mesh_job(context, name, image, inputs, origin, to)
        except Trouble as trouble:
            return report_trouble(self, trouble)
        jobs = [Job(replace(first.request, seed=settings.seed + i), to) for i in range(COUNT)]
        for job in jobs:
            now.submit(job)
        if self.wait:
            now.wait_for(jobs)
        return {"FINISHED"}


class IMAGE_TO_MESH_OT_keep_this(ExplainedOperator, bpy.types.Operator):
    """Remove the other variations from the scene. They stay in History"""

    bl_idname = "image_to_mesh.keep_this"
    bl_label = "Keep This One"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def why_unavailable(cls, context) -> str:
        return "" if variations(context) else "Select one of several variations"

    def execute(self, context):
        if reason := mesh_import.why_not_now():
            self.report({"ERROR"}, reason)
            return {"CANCELLED"}
        for ob in variations(context):
            bpy.data.objects.remove(ob)
        return {"FINISHED"}


class IMAGE_TO_MESH_OT_material_preview(ExplainedOperator, bpy.types.Operator):
    """Show materials in this 3D View under Blender's even light, or Solid shading again"""

    bl_idname = "image_to_mesh.material_preview"
    bl_label = "Material Preview"
    bl_options = {"INTERNAL"}

    @classmethod
    def why_unavailable(cls, context) -> str:
        return "" if isinstance(context.space_data, bpy.types.SpaceView3D) else "Press the button in a 3D View"

    def execute(self, context):
        shading = context.space_data.shading
        shading.type = "SOLID" if shading.type == "MATERIAL" else "MATERIAL"
        return {"FINISHED"}


def variations(context) -> list[bpy.types.Object]:
    """The other variations of the active object."""
    return together.others(context.scene, context.active_object, together.VARIATIONS)


classes = (
    IMAGE_TO_MESH_OT_turn_result,
    IMAGE_TO_MESH_OT_before_after,
    IMAGE_TO_MESH_OT_variations,
    IMAGE_TO_MESH_OT_keep_this,
    IMAGE_TO_MESH_OT_material_preview,
)
register, unregister = bpy.utils.register_classes_factory(classes)

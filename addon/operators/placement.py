# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Fit Selected and Straighten: the height of meshes, the floor that they stand on, the way they face."""

import bpy

from ..scene import fitting
from .job_operator import ExplainedOperator


class IMAGE_TO_MESH_OT_fit(ExplainedOperator, bpy.types.Operator):
    """Scale the selected meshes to Height and stand them on the cursor or the floor, as Place says"""

    bl_idname = "image_to_mesh.fit"
    bl_label = "Fit Selected"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def why_unavailable(cls, context) -> str:
        return "" if movable(context) else "Select a mesh that is not linked from another file"

    def execute(self, context):
        settings = context.scene.image_to_mesh.placement
        for ob in movable(context):
            fitting.fit(ob, settings.height, fitting.floor_of(settings.place, context.scene.cursor.location.z))
        return {"FINISHED"}


class IMAGE_TO_MESH_OT_straighten(ExplainedOperator, bpy.types.Operator):
    """Turn the selected meshes to stand along the axes. The angle is estimated; correct it in the panel that opens"""

    bl_idname = "image_to_mesh.straighten"
    bl_label = "Straighten"
    bl_options = {"REGISTER", "UNDO"}

    angle: bpy.props.FloatProperty(
        name="Angle", description="Turn about the vertical axis", subtype="ANGLE", options={"SKIP_SAVE"}
    )

    @classmethod
    def why_unavailable(cls, context) -> str:
        return IMAGE_TO_MESH_OT_fit.why_unavailable(context)

    def execute(self, context):
        meshes = movable(context)
        if not self.properties.is_property_set("angle"):
            self.angle = fitting.askew(meshes[0])
        for ob in meshes:
            fitting.turn(ob, self.angle)
        return {"FINISHED"}


def movable(context) -> list[bpy.types.Object]:
    return [ob for ob in context.selected_objects if ob.type == "MESH" and not ob.library]


classes = (IMAGE_TO_MESH_OT_fit, IMAGE_TO_MESH_OT_straighten)
register, unregister = bpy.utils.register_classes_factory(classes)

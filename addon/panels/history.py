# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-panel of the list of versions."""

import bpy

from ...backend.interface import tasks
from .. import session
from ..jobs.job import inputs_of
from ..operators.history import not_restorable
from ..scene import versions
from ..settings.versions import Version
from .base import IMPROVE, SubPanel, draw_reason, translated

THUMBNAIL = 5.0  # times the height of a button
NAME_SHARE = 0.72  # of a row's width; the number of faces has the rest


class IMAGE_TO_MESH_UL_versions(bpy.types.UIList):
    bl_idname = "IMAGE_TO_MESH_UL_versions"

    def draw_item(self, _context, layout, _data, item, _icon, _active, _property):
        row, icon = layout.split(factor=NAME_SHARE), session.current().icons.thumbnail_id(item.thumbnail)
        row.label(text=item.name, icon_value=icon, translate=False)
        faces = row.row()
        faces.alignment = "RIGHT"
        faces.label(text=f"{len(item.mesh.polygons):,}" if item.mesh else "", translate=False)


class IMAGE_TO_MESH_PT_history(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_history"
    bl_parent_id = IMPROVE
    bl_label = "History"

    def draw(self, context):
        layout, scene = self.layout, context.scene
        row = layout.row()
        row.template_list(
            IMAGE_TO_MESH_UL_versions.bl_idname,
            "",
            scene,
            "image_to_mesh_versions",
            scene,
            "image_to_mesh_version",
            rows=3,
        )
        row.operator("image_to_mesh.forget", text="", icon="TRASH")
        if version := versions.chosen(scene):
            draw_version(layout, context, version)


def draw_version(layout, context, version: Version) -> None:
    """A version's picture, how it was made, and its buttons."""
    made = versions.provenance_of(version)
    row = layout.row()
    row.template_icon(session.current().icons.thumbnail_id(version.thumbnail), scale=THUMBNAIL)
    column = row.column()
    if prompt := inputs_of(made).get("prompt"):
        column.label(text=str(prompt), icon="TEXT", translate=False)
    for text in made_with(made):
        column.label(text=text, translate=False)
    column = layout.column(align=True)
    column.operator("image_to_mesh.go_back", icon="LOOP_BACK")
    column.operator("image_to_mesh.put_beside", icon="MOD_ARRAY")
    column.operator("image_to_mesh.again", icon="FILE_REFRESH")
    if versions.is_seeded(version):
        column.operator("image_to_mesh.again", text="Another Seed", icon="ADD").other = True
    draw_reason(layout, context, versions.not_repeatable(version) or not_restorable(context))


def made_with(made: dict) -> list[str]:
    """The engine's title and the seed in a record of how a mesh was made, as far as they are known."""
    try:
        task = tasks.task(str(made.get("engine")))
    except ValueError:
        return []
    has_seed = versions.is_seeded_by(made) and "seed" in made
    return [translated(task.title), *([f"{translated('Seed')} {made['seed']}"] if has_seed else [])]


classes = (IMAGE_TO_MESH_UL_versions, IMAGE_TO_MESH_PT_history)
register, unregister = bpy.utils.register_classes_factory(classes)

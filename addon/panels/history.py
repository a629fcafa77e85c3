# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-panel of the list of versions."""

import bpy

from .. import session
from ..jobs.job import inputs_of
from ..scene import versions
from ..settings.versions import Version
from .base import SubPanel, draw_reason

THUMBNAIL = 6.0  # times the height of a button


class IMAGE_TO_MESH_UL_versions(bpy.types.UIList):
    bl_idname = "IMAGE_TO_MESH_UL_versions"

    def draw_item(self, _context, layout, _data, item, _icon, _active, _property):
        seed = versions.provenance_of(item).get("seed")
        icon = session.current().icons.thumbnail_id(item.thumbnail)
        layout.label(text=item.name if seed is None else f"{item.name}, seed {seed}", icon_value=icon, translate=False)


class IMAGE_TO_MESH_PT_history(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_history"
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
    for text in (made.get("engine"), version.mesh and f"{len(version.mesh.polygons):,} faces"):
        if text:
            column.label(text=str(text), translate=False)
    column.operator("image_to_mesh.go_back", icon="LOOP_BACK")
    column.operator("image_to_mesh.put_beside", icon="MOD_ARRAY")
    row = layout.row(align=True)
    row.operator("image_to_mesh.again", icon="FILE_REFRESH")
    if versions.is_seeded(version):
        row.operator("image_to_mesh.again", text="Another Seed", icon="ADD").other = True
    draw_reason(layout, context, versions.not_repeatable(version))


classes = (IMAGE_TO_MESH_UL_versions, IMAGE_TO_MESH_PT_history)
register, unregister = bpy.utils.register_classes_factory(classes)

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The list of versions, and its buttons."""

import bpy

from ..operators import generate
from ..scene import mesh_import, versions
from ..setup import environment
from . import icons
from .main import draw_reason
from .views import SubPanel

THUMBNAIL = 6.0  # times the height of a button


class Again(bpy.types.Operator):
    """Make this version once more, from the same image and prompt with the same settings"""

    bl_idname = "image_to_mesh.again"
    bl_label = "Again"

    other: bpy.props.BoolProperty(
        name="Another Seed", description="With the next seed, for a variation", options={"HIDDEN", "SKIP_SAVE"}
    )
    wait: bpy.props.BoolProperty(name="Wait", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context):
        version = versions.chosen(context.scene)
        reason = environment.obstacle() or (versions.not_repeatable(version) if version else "There is no version yet")
        cls.poll_message_set(reason)
        return not reason

    def execute(self, context):
        version = versions.chosen(context.scene)
        seed = versions.next_seed(context.scene, version) if self.other else None
        return generate.submit(self, context, lambda context: versions.job_again(context, version, seed))


class GoBack(bpy.types.Operator):
    """Give the active object this version's mesh. Its place, parent, collections and modifiers stay"""

    bl_idname = "image_to_mesh.go_back"
    bl_label = "Back to This One"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        reason = missing_version(context) or not_replaceable(context.active_object)
        cls.poll_message_set(reason)
        return not reason

    def execute(self, context):
        versions.go_back(context.scene, context.active_object, versions.chosen(context.scene))
        return {"FINISHED"}


class PutBeside(bpy.types.Operator):
    """Put this version beside the active object, to compare them"""

    bl_idname = "image_to_mesh.put_beside"
    bl_label = "Compare"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        reason = missing_version(context) or ("Leave the mode first" if context.mode != "OBJECT" else "")
        cls.poll_message_set(reason)
        return not reason

    def execute(self, context):
        versions.put_beside(context, versions.chosen(context.scene))
        return {"FINISHED"}


class Forget(bpy.types.Operator):
    """Take this version out of the list. Objects that have its mesh keep it"""

    bl_idname = "image_to_mesh.forget"
    bl_label = "Delete Version"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        reason = "" if versions.chosen(context.scene) else "There is no version to delete"
        cls.poll_message_set(reason)
        return not reason

    def execute(self, context):
        scene = context.scene
        scene.image_to_mesh_versions.remove(scene.image_to_mesh_version)
        scene.image_to_mesh_version = min(scene.image_to_mesh_version, len(scene.image_to_mesh_versions) - 1)
        return {"FINISHED"}


def missing_version(context) -> str:
    version = versions.chosen(context.scene)
    if version is None:
        return "Choose a version in the list"
    return "" if version.mesh else "Its mesh is not in this file any more. Make it again"


def not_replaceable(active) -> str:
    """Why the object cannot take another mesh, or an empty string."""
    if active is None or active.type != "MESH":
        return "Make the object that should get the mesh the active one"
    if active.library or active.override_library:
        return "The active object is linked from another file"
    return mesh_import.obstacle()


class Versions(bpy.types.UIList):
    bl_idname = "IMAGE_TO_MESH_UL_versions"

    def draw_item(self, _context, layout, _data, item, _icon, _active, _property):
        seed = versions.recipe_of(item).get("seed")
        icon = icons.thumbnail_id(item.thumbnail)
        layout.label(text=item.name if seed is None else f"{item.name}, seed {seed}", icon_value=icon, translate=False)


class History(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_history"
    bl_label = "History"

    def draw(self, context):
        layout, scene = self.layout, context.scene
        row = layout.row()
        row.template_list(
            Versions.bl_idname, "", scene, "image_to_mesh_versions", scene, "image_to_mesh_version", rows=3
        )
        row.operator("image_to_mesh.forget", text="", icon="TRASH")
        if version := versions.chosen(scene):
            draw_version(layout, context, version)


def draw_version(layout, context, version: versions.Version) -> None:
    """Its picture, how it was made, and what can be done with it."""
    recipe = versions.recipe_of(version)
    row = layout.row()
    row.template_icon(icons.thumbnail_id(version.thumbnail), scale=THUMBNAIL)
    column = row.column()
    if prompt := dict(recipe.get("inputs") or {}).get("prompt"):
        column.label(text=str(prompt), icon="TEXT", translate=False)
    for text in (recipe.get("engine"), version.mesh and f"{len(version.mesh.polygons):,} faces"):
        if text:
            column.label(text=str(text), translate=False)
    column.operator("image_to_mesh.go_back", icon="LOOP_BACK")
    column.operator("image_to_mesh.put_beside", icon="MOD_ARRAY")
    row = layout.row(align=True)
    row.operator("image_to_mesh.again", icon="FILE_REFRESH")
    row.operator("image_to_mesh.again", text="Another Seed", icon="ADD").other = True
    draw_reason(layout, context, versions.not_repeatable(version))


classes = (Again, GoBack, PutBeside, Forget, Versions, History)
register, unregister = bpy.utils.register_classes_factory(classes)

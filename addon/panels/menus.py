# SPDX-License-Identifier: GPL-3.0-or-later
"""Where people look for it: Add > Mesh, the Image Editor's Image menu, File > Import, and Ctrl+Shift+M."""

import bpy

from ..base import compat
from ..operators import batch, generate

KEY = {"type": "M", "value": "PRESS", "ctrl": True, "shift": True}
_keys: list[tuple[bpy.types.KeyMap, bpy.types.KeyMapItem]] = []


class GenerateShown(bpy.types.Operator):
    """Make a coloured mesh from the image that this editor shows"""

    bl_idname = "image_to_mesh.generate_shown"
    bl_label = "Image to Mesh"

    @classmethod
    def poll(cls, context):
        image = getattr(context.space_data, "image", None)
        cls.poll_message_set("" if image else "Open an image first")
        return bool(image)

    def execute(self, context):
        settings, image = context.scene.image_to_mesh, context.space_data.image
        if image.type == "RENDER_RESULT":
            settings.source = "RENDER"
        else:
            settings.source, settings.image = "IMAGE", image
        if not bpy.ops.image_to_mesh.generate.poll():
            self.report({"ERROR"}, generate.obstacle(context))
            return {"CANCELLED"}
        return bpy.ops.image_to_mesh.generate()


def draw_add(self, _context):
    self.layout.separator()
    self.layout.operator("image_to_mesh.generate", icon="MESH_MONKEY")


def draw_image(self, _context):
    self.layout.separator()
    self.layout.operator(GenerateShown.bl_idname, icon="MESH_MONKEY")


def draw_import(self, _context):
    self.layout.operator(batch.GenerateFiles.bl_idname, text="Images to Meshes (.png, .jpg, ...)", icon="MESH_MONKEY")


MENUS = (("VIEW3D_MT_mesh_add", draw_add), ("IMAGE_MT_image", draw_image), ("TOPBAR_MT_file_import", draw_import))


def register() -> None:
    bpy.utils.register_class(GenerateShown)
    for menu, draw in MENUS:
        getattr(bpy.types, menu).append(draw)
    if keymap := compat.addon_keymap("3D View", "VIEW_3D"):
        _keys.append((keymap, keymap.keymap_items.new("image_to_mesh.generate", **KEY)))


def unregister() -> None:
    while _keys:
        keymap, item = _keys.pop()
        keymap.keymap_items.remove(item)
    for menu, draw in MENUS:
        getattr(bpy.types, menu).remove(draw)
    bpy.utils.unregister_class(GenerateShown)

# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension in Blender's own menus: Add > Mesh, the Image Editor's Image menu, File > Import, and Ctrl+Shift+M."""

import bpy

from ..base import compat
from ..operators.batch import IMAGE_TO_MESH_OT_generate_files
from ..operators.generate import IMAGE_TO_MESH_OT_generate, IMAGE_TO_MESH_OT_generate_shown

KEY = {"type": "M", "value": "PRESS", "ctrl": True, "shift": True}
_keys: list[tuple[bpy.types.KeyMap, bpy.types.KeyMapItem]] = []


def draw_add(self, _context):
    self.layout.separator()
    self.layout.operator(IMAGE_TO_MESH_OT_generate.bl_idname, icon="MESH_MONKEY")


def draw_image(self, _context):
    self.layout.separator()
    self.layout.operator(IMAGE_TO_MESH_OT_generate_shown.bl_idname, icon="MESH_MONKEY")


def draw_import(self, _context):
    self.layout.operator(
        IMAGE_TO_MESH_OT_generate_files.bl_idname, text="Images to Meshes (.png, .jpg, ...)", icon="MESH_MONKEY"
    )


MENUS = (("VIEW3D_MT_mesh_add", draw_add), ("IMAGE_MT_image", draw_image), ("TOPBAR_MT_file_import", draw_import))


def register() -> None:
    for menu, draw in MENUS:
        getattr(bpy.types, menu).append(draw)
    if keymap := compat.addon_keymap("3D View", "VIEW_3D"):
        _keys.append((keymap, keymap.keymap_items.new(IMAGE_TO_MESH_OT_generate.bl_idname, **KEY)))


def unregister() -> None:
    while _keys:
        keymap, item = _keys.pop()
        keymap.keymap_items.remove(item)
    for menu, draw in MENUS:
        getattr(bpy.types, menu).remove(draw)

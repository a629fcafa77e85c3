# SPDX-License-Identifier: GPL-3.0-or-later
"""Images shown in Blender's Image Editor, also for painting on them."""

import bpy

_wanted_blend = ""  # that the brush gets as soon as there is one
ERASE, RESTORE = "ERASE_ALPHA", "ADD_ALPHA"  # blend modes of a brush


def editors() -> list[bpy.types.Area]:
    """The Image Editors of all windows."""
    windows = bpy.context.window_manager.windows
    return [area for window in windows for area in window.screen.areas if area.ui_type == "IMAGE_EDITOR"]


def ensure() -> None:
    """Open an Image Editor in a new window, unless there is one. To be called by an operator that has a window."""
    if not bpy.app.background and not editors():
        bpy.ops.wm.window_new()
        bpy.context.window_manager.windows[-1].screen.areas[0].ui_type = "IMAGE_EDITOR"


def show(image: bpy.types.Image) -> bool:
    """Show an image in the first Image Editor; returns whether there is one."""
    for area in editors()[:1]:
        area.spaces.active.image = image
        return True
    return False


def paint(image: bpy.types.Image, blend: str = ERASE) -> None:
    """Show an image for painting, and let the brush change its transparency alone."""
    global _wanted_blend
    if show(image):
        editors()[0].spaces.active.ui_mode = "PAINT"
    _wanted_blend = blend


def settle_brush(scene: bpy.types.Scene) -> None:
    """Set the brush that `paint` asked for. Since Blender 4.3 there is none before the editor has been drawn."""
    global _wanted_blend
    brush = scene.tool_settings.image_paint.brush
    if _wanted_blend and brush:
        brush.blend, _wanted_blend = _wanted_blend, ""

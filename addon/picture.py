# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture in a panel, without an image in the artist's file: a custom icon whose pixels are ours."""

from __future__ import annotations

import bpy.utils.previews
import numpy as np

KEY = "views"
_icons = None  # made when the first picture comes
_shown: np.ndarray | None = None


def show(sheet: np.ndarray | None) -> bool:
    """Take over a new picture uint8 (H, W, 4), first row on top; whether it changed. None shows nothing."""
    global _icons, _shown
    if sheet is _shown:
        return False
    _shown = sheet
    if sheet is not None:
        if _icons is None:
            _icons = bpy.utils.previews.new()
        icon = _icons.get(KEY) or _icons.new(KEY)
        icon.image_size = sheet.shape[1::-1]
        packed = np.ascontiguousarray(sheet[::-1]).reshape(-1).view(np.int32)  # Blender: first row at the bottom
        icon.image_pixels.foreach_set(packed)
    return True


def icon_id() -> int:
    """The icon to draw, 0 when there is no picture."""
    return _icons[KEY].icon_id if _icons and _shown is not None else 0


def unregister() -> None:
    global _icons, _shown
    if _icons is not None:
        bpy.utils.previews.remove(_icons)
    _icons = _shown = None

# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture in a panel, without an image in the artist's file: a custom icon whose pixels are ours."""

from __future__ import annotations

import zlib

import bpy
import bpy.utils.previews
import numpy as np

from ..base import thumbnail

KEY = "views"
SMALL = 32  # pixels a side, of the icon in a row of a list
_icons = None  # made when the first picture comes
_shown: np.ndarray | None = None


def show(sheet: np.ndarray | None) -> bool:
    """Take over a new picture uint8 (H, W, 4), first row on top; whether it changed. None shows nothing."""
    global _shown
    if sheet is _shown:
        return False
    _shown = sheet
    if sheet is not None:
        icon = icons().get(KEY) or icons().new(KEY)
        icon.image_size = sheet.shape[1::-1]
        icon.image_pixels.foreach_set(packed(sheet))
    return True


def icons():
    global _icons
    if _icons is None:
        _icons = bpy.utils.previews.new()
    return _icons


def packed(picture: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 4), first row on top -> one int32 a pixel; Blender's first row is at the bottom."""
    return np.ascontiguousarray(picture[::-1]).reshape(-1).view(np.int32)


def thumbnail_id(text: str) -> int:
    """The icon of a mesh's picture as `thumbnail.encode` made it, 0 for none; made once and kept."""
    key = str(zlib.crc32(text.encode()))
    if key not in icons():
        picture = thumbnail.decode(text)
        if picture is None:
            return 0
        opaque = np.concatenate([picture, np.full((*picture.shape[:2], 1), 255, np.uint8)], -1)
        icon, step = icons().new(key), len(opaque) // SMALL
        icon.image_size, icon.icon_size = opaque.shape[1::-1], (SMALL, SMALL)
        icon.image_pixels.foreach_set(packed(opaque))
        icon.icon_pixels.foreach_set(packed(opaque[::step, ::step]))
    return icons()[key].icon_id


def paint_preview(block: bpy.types.ID, painted: np.ndarray) -> None:
    """Make a picture uint8 (H, W, 3), first row on top, the data-block's own preview."""
    opaque = np.concatenate([painted, np.full((*painted.shape[:2], 1), 255, np.uint8)], -1)
    preview = block.preview_ensure()
    preview.image_size = opaque.shape[1::-1]
    preview.image_pixels.foreach_set(packed(opaque))


def icon_id() -> int:
    """The icon to draw, 0 when there is no picture."""
    return _icons[KEY].icon_id if _icons and _shown is not None else 0


def unregister() -> None:
    global _icons, _shown
    if _icons is not None:
        bpy.utils.previews.remove(_icons)
    _icons = _shown = None

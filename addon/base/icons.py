# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom icons with pixels of ours, so that a panel can draw pictures that are no images in the artist's file."""

from __future__ import annotations

import zlib
from pathlib import Path

import bpy
import bpy.utils.previews
import numpy as np

from . import thumbnail

SHEET, INPUT, RESULT = "views", "input", "result"  # keys: a job's views, the chosen image, the last mesh
LIST_PIXELS = 32  # side of an icon in a row of a list


class Icons:
    """The icons of one session. Blender's collection is made with the first picture."""

    def __init__(self) -> None:
        self.previews = None
        self._shown: dict[str, np.ndarray | None] = {}

    def show(self, key: str, picture: np.ndarray | None) -> bool:
        """Show a picture uint8 (H, W, 4), opaque, first row on top, as the icon of a key; None shows none. Returns
        whether it changed."""
        if picture is self._shown.get(key):
            return False
        self._shown[key] = picture
        if picture is not None:
            icon = self._collection().get(key) or self._collection().new(key)
            icon.image_size = picture.shape[1::-1]
            icon.image_pixels.foreach_set(packed(picture))
        return True

    def shown_id(self, key: str) -> int:
        """The icon of a key, 0 if it shows none."""
        return self.previews[key].icon_id if self.previews and self._shown.get(key) is not None else 0

    def thumbnail_id(self, text: str) -> int:
        """The icon of a picture that `thumbnail.encode` made, 0 if the text holds none."""
        icons, key = self._collection(), str(zlib.crc32(text.encode()))
        if key not in icons:
            picture = thumbnail.decode(text)
            if picture is None:
                return 0
            pixels = opaque(picture)
            icon, step = icons.new(key), len(pixels) // LIST_PIXELS
            icon.image_size, icon.icon_size = pixels.shape[1::-1], (LIST_PIXELS, LIST_PIXELS)
            icon.image_pixels.foreach_set(packed(pixels))
            icon.icon_pixels.foreach_set(packed(pixels[::step, ::step]))
        return icons[key].icon_id

    def file_id(self, path: Path) -> int:
        """The icon of an image file, which Blender reads when it is drawn; 0 if there is none."""
        icons, key = self._collection(), str(path)
        if key not in icons:
            if not path.is_file():
                return 0
            icons.load(key, key, "IMAGE")
        return icons[key].icon_id

    def close(self) -> None:
        if self.previews is not None:
            bpy.utils.previews.remove(self.previews)
        self.previews, self._shown = None, {}

    def _collection(self):
        if self.previews is None:
            self.previews = bpy.utils.previews.new()
        return self.previews


def paint_preview(block: bpy.types.ID, picture: np.ndarray) -> None:
    """Make a picture uint8 (H, W, 3), first row on top, the preview of a data-block."""
    pixels, preview = opaque(picture), block.preview_ensure()
    preview.image_size = pixels.shape[1::-1]
    preview.image_pixels.foreach_set(packed(pixels))


def opaque(picture: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) -> uint8 (H, W, 4) with alpha 255."""
    return np.concatenate([picture, np.full((*picture.shape[:2], 1), 255, np.uint8)], -1)


def packed(picture: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 4), first row on top -> one int32 a pixel, Blender's first row at the bottom."""
    return np.ascontiguousarray(picture[::-1]).reshape(-1).view(np.int32)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns pixels by EXIF's orientation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

ORIENTATION = 0x0112
TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {  # from the stored pixels (H, W, 4) to the upright ones
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: p[::-1].swapaxes(0, 1),
    7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
    8: lambda p: p.swapaxes(0, 1)[::-1],
}
BACK = {6: 8, 8: 6}  # the other turns undo themselves


def read_orientation(image: Image.Image) -> int:
    """EXIF's number, 1 where there is none or the tag is broken."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # EXIF of cameras and phones is often malformed
        return 1


def turned(pixels: np.ndarray, image: Image.Image, before: int, upright: bool) -> np.ndarray:
    """A loaded image's pixels (H, W, 4) upright, or as the file stores them.

    before: its orientation before it was loaded: Pillow turns TIFF files at once, and removes the tag.
    """
    if upright:
        number = read_orientation(image)
    else:
        number = BACK.get(before, before) if image.format == "TIFF" else 1
    return np.ascontiguousarray(TURNS[number](pixels)) if number in TURNS else pixels

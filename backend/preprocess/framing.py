# SPDX-License-Identifier: GPL-3.0-or-later
"""Framing: the square window around the object that One-2-3-45 and Zero123 expect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..interface.errors import ImageError
from ..runtime.images import on_white, to_bytes

SHARE = 0.75  # longer side of the object's box, as a share of the window's side


@dataclass(frozen=True)
class Window:
    """A square window on the source image, in its pixels: left upper corner and side. It may reach outside."""

    left: int
    top: int
    side: int


def frame(image: np.ndarray, size: int | None, share: float = SHARE) -> tuple[np.ndarray, Window]:
    """Centre the object in a transparent square.

    image: RGBA float32 (H, W, 4), straight alpha. Returns RGBA float32 (size, size, 4), straight alpha, in steps of
    1/255 as in the published 8-bit preprocessing, and the window of the source image; without a size, all pixels of
    that window. ImageError if nothing is visible.
    """
    pixels = to_bytes(image)
    rows, columns = (np.flatnonzero(pixels[..., 3].any(axis)) for axis in (1, 0))
    if not len(rows):
        raise ImageError("The image is fully transparent.", "Choose an image that shows an object.")
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    width, height = int(right - left), int(bottom - top)
    side = int(max(width, height) / share)
    x, y = side // 2 - width // 2, side // 2 - height // 2
    square = np.zeros((side, side, 4), np.uint8)
    square[y : y + height, x : x + width] = pixels[top:bottom, left:right]
    window = Window(int(left) - x, int(top) - y, side)
    if size is None:
        return square.astype(np.float32) / 255, window
    framed = Image.fromarray(square).resize((size, size), Image.Resampling.LANCZOS)  # PIL weighs colours by alpha
    return np.asarray(framed, np.float32) / 255, window


def frame_as_released(image: np.ndarray, size: int) -> np.ndarray:
    """RGBA float32 (H, W, 4), straight alpha -> uint8 RGB (size, size, 3): `frame` on white.

    Exactly One-2-3-45's input of Zero123: truncated to 8 bits, not rounded.
    """
    return (on_white(to_bytes(frame(image, size)[0]) / 255.0) * 255).astype(np.uint8)


def fit_into(image: np.ndarray, side: int) -> np.ndarray:
    """RGBA float32 (H, W, 4), shrunk if necessary to fit a square of `side` pixels."""
    picture = Image.fromarray(to_bytes(image))
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.asarray(picture, np.float32) / 255


def lower_contrast(image: np.ndarray) -> np.ndarray:
    """One-2-3-45's optional step: RGBA float32 (H, W, 4) a fifth darker in 8 bits, alpha too except where it is 1."""
    pixels = np.rint(to_bytes(image) * 0.8)
    pixels[..., 3][pixels[..., 3] > 200] = 255
    return pixels.astype(np.float32) / 255

# SPDX-License-Identifier: GPL-3.0-or-later
"""Framing: the square window around the object that One-2-3-45 and Zero123 expect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..interface.errors import ImageError
from ..runtime.images import on_white, to_bytes

SHARE = 0.75  # of the window's side that the longer side of the object's box fills


@dataclass(frozen=True)
class Window:
    """A square part of the source picture, in its pixels: left upper corner and side. It may reach outside."""

    left: int
    top: int
    side: int


def frame(image: np.ndarray, size: int, share: float = SHARE) -> tuple[np.ndarray, Window]:
    """Cut the object out and put it in the middle of a transparent square.

    image: RGBA float32 (H, W, 4), straight alpha. Returns RGBA float32 (size, size, 4), straight alpha, in steps
    of 1/255 as the published 8-bit preprocessing has it, and the window of the source picture that it shows.
    Raises ImageError when nothing in the picture is visible.
    """
    pixels = to_bytes(image)
    rows, columns = (np.flatnonzero(pixels[..., 3].any(axis)) for axis in (1, 0))
    if not len(rows):
        raise ImageError(
            "Nothing is visible in this picture: every pixel is transparent.", "Choose a picture that shows an object."
        )
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    width, height = int(right - left), int(bottom - top)
    side = int(max(width, height) / share)
    x, y = side // 2 - width // 2, side // 2 - height // 2
    square = np.zeros((side, side, 4), np.uint8)
    square[y : y + height, x : x + width] = pixels[top:bottom, left:right]
    framed = Image.fromarray(square).resize((size, size), Image.Resampling.LANCZOS)  # PIL weighs colours by alpha
    return np.asarray(framed, np.float32) / 255, Window(int(left) - x, int(top) - y, side)


def frame_as_released(image: np.ndarray, size: int) -> np.ndarray:
    """RGBA float32 (H, W, 4), straight alpha -> uint8 RGB (size, size, 3): `frame` on white.

    To the bit what One-2-3-45 hands to Zero123: cut to 8 bits, not rounded.
    """
    return (on_white(to_bytes(frame(image, size)[0]) / 255.0) * 255).astype(np.uint8)


def fit_into(image: np.ndarray, side: int) -> np.ndarray:
    """RGBA float32 (H, W, 4) made smaller, if it is larger, so that it fits a square of `side` pixels."""
    picture = Image.fromarray(to_bytes(image))
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.asarray(picture, np.float32) / 255


def lower_contrast(image: np.ndarray) -> np.ndarray:
    """RGBA float32 (H, W, 4) a fifth darker in 8 bits, alpha (still 1 where it was) too: One-2-3-45's optional step."""
    pixels = np.rint(to_bytes(image) * 0.8)
    pixels[..., 3][pixels[..., 3] > 200] = 255
    return pixels.astype(np.float32) / 255

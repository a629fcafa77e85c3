# SPDX-License-Identifier: GPL-3.0-or-later
"""Framing: the square window around the object that One-2-3-45 and Zero123 expect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from .image import ImageError

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


def composite(image: np.ndarray, background: float | tuple[float, float, float] = 1.0) -> np.ndarray:
    """RGBA (..., 4), straight alpha -> RGB float32 (..., 3) on a plain background, white unless told otherwise."""
    alpha = image[..., 3:]
    return (image[..., :3] * alpha + np.asarray(background, np.float32) * (1 - alpha)).astype(np.float32)


def to_bytes(image: np.ndarray) -> np.ndarray:
    """0..1 -> uint8, rounded."""
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Images and other files that a mesh's file names, and the colours of faces from them."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .refusal import Unreadable

Warn = Callable[[str], None]  # takes a sentence for the artist

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TGA", "TIFF", "GIF")  # no EPS, for which Pillow starts a program
INWARD = 1e-3  # of the way from a corner to the middle of its face: texels of a face, not of its neighbour
REPEAT, CLAMP, MIRROR = 10497, 33071, 33648  # glTF's names for what lies outside an image


def file_beside(folder: Path, name: str) -> Path | None:
    """The file that a name means, None unless it lies in the folder. Names of other machines and drives, and those that
    leave the folder, are never looked for."""
    parts = [part for part in re.split(r"[\\/]+", name) if part != "."]
    if not name or ".." in parts or ":" in name or "\0" in name or name[0] in "/\\":
        return None
    path = folder.joinpath(*parts)
    return path if path.is_file() and path.resolve().is_relative_to(folder.resolve()) else None


def open_texture(data: bytes) -> np.ndarray:
    """An image file's texels, sRGB uint8 (H, W, 4), first row on top. ValueError."""
    from PIL import Image

    try:
        return np.asarray(Image.open(io.BytesIO(data), formats=FORMATS).convert("RGBA"))
    except Exception as error:  # Pillow's readers raise a dozen kinds
        raise Unreadable("one of its textures cannot be read") from error


def corner_texels(image: np.ndarray, uv: np.ndarray, wrap: tuple[int, int] = (REPEAT, REPEAT)) -> np.ndarray:
    """Colours 0..1 (M, 3, 4) that faces show at their corners, whose UV coordinates (M, 3, 2) count from the image's
    upper left corner, u to the right and v down."""
    middle = uv.mean(1, keepdims=True)
    place = np.nan_to_num(uv + INWARD * (middle - uv), posinf=0, neginf=0)
    height, width = image.shape[:2]
    column, row = (texel(place[..., i], side, wrap[i]) for i, side in enumerate((width, height)))
    return image[row, column] / 255


def texel(place: np.ndarray, side: int, wrap: int) -> np.ndarray:
    """The texels 0..side - 1 at places, 0..1 within the image."""
    if wrap == MIRROR:
        place = 1 - np.abs(place % 2 - 1)
    elif wrap != CLAMP:
        place = place % 1
    return np.clip(np.floor(place * side), 0, side - 1).astype(np.int64)

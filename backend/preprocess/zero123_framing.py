# SPDX-License-Identifier: GPL-3.0-or-later
"""An image as Zero123's input: framed for One-2-3-45, or for single novel views."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..interface.errors import ImageError
from ..runtime.images import on_white, to_bytes
from .framing import frame, frame_as_released

SIDE, MAX_OBJECT_SIDE = 256, 200  # pixels of the image, and of the object in it


def one2345_input(image: np.ndarray, size: int, is_starter: bool) -> Tensor:
    """A cut-out image RGBA float32 (H, W, 4), framed as One-2-3-45 does, on white: (1, 3, size, size) in -1..1."""
    if is_starter:
        return framed_input(image, size)
    return to_input(frame_as_released(image, size).astype(np.float32) / 255)


def novel_view_input(image: np.ndarray, size: int, is_starter: bool, is_whole: bool) -> Tensor:
    """An image RGBA float32 (H, W, 4), framed for single novel views, on white: (1, 3, S, S) in -1..1.

    For the starter as One-2-3-45 does; for published weights as Zero123's demo does, or, if is_whole, as it is.
    """
    if is_starter:
        return one2345_input(image, size, is_starter)
    return to_input(whole_picture(image) if is_whole else frame_object(image))


def framed_input(image: np.ndarray, size: int) -> Tensor:
    """A cut-out image RGBA float32 (H, W, 4), framed, on white: (1, 3, size, size) in -1..1."""
    return to_input(on_white(frame(image, size)[0]))


def to_input(rgb: np.ndarray) -> Tensor:
    """RGB float32 (S, S, 3) in 0..1 -> (1, 3, S, S) in -1..1."""
    return torch.from_numpy(rgb).permute(2, 0, 1)[None] * 2 - 1


def frame_object(image: np.ndarray) -> np.ndarray:
    """RGBA float32 (H, W, 4), straight alpha -> RGB float32 (256, 256, 3): the object centred on white.

    Alpha becomes 0 or 1; the object is shrunk until its longer side has 200 pixels, never enlarged.
    Raises ImageError if nothing is visible.
    """
    pixels = to_bytes(image)
    visible = pixels[..., 3] > 127
    rows, columns = (np.flatnonzero(visible.any(axis)) for axis in (1, 0))
    if not len(rows):
        raise ImageError("The image is fully transparent.", "Choose an image that shows an object.")
    opaque = np.where(visible[..., None], pixels[..., :3], 255).astype(np.uint8)
    picture = Image.fromarray(opaque[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    picture.thumbnail((MAX_OBJECT_SIDE, MAX_OBJECT_SIDE), Image.Resampling.LANCZOS)
    square = Image.new("RGB", (SIDE, SIDE), "white")
    square.paste(picture, ((SIDE - picture.width) // 2, (SIDE - picture.height) // 2))
    return np.asarray(square, np.float32) / 255


def whole_picture(image: np.ndarray) -> np.ndarray:
    """RGBA float32 (H, W, 4) -> RGB float32 (256, 256, 3): the whole image, resized, on white."""
    resized = Image.fromarray(to_bytes(image)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    return on_white(np.asarray(resized, np.float32) / 255)

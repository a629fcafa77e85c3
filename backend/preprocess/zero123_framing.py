# SPDX-License-Identifier: GPL-3.0-or-later
"""Zero123's own framing of its input, for single novel views. (One-2-3-45's is in `framing`.)"""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..interface.errors import ImageError
from ..runtime.images import on_white, to_bytes

SIDE, LONGEST = 256, 200  # pixels of the picture, and at most of the object in it


def frame_object(image: np.ndarray) -> np.ndarray:
    """RGBA float32 (H, W, 4), straight alpha -> RGB float32 (256, 256, 3): the object centred on white.

    Alpha is made all or nothing; the object is shrunk until its longer side has 200 pixels, never enlarged.
    Raises ImageError when nothing is visible.
    """
    pixels = to_bytes(image)
    visible = pixels[..., 3] > 127
    rows, columns = (np.flatnonzero(visible.any(axis)) for axis in (1, 0))
    if not len(rows):
        raise ImageError("Nothing is visible in this picture.", "Choose a picture that shows an object.")
    on_white = np.where(visible[..., None], pixels[..., :3], 255).astype(np.uint8)
    picture = Image.fromarray(on_white[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    picture.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    square = Image.new("RGB", (SIDE, SIDE), "white")
    square.paste(picture, ((SIDE - picture.width) // 2, (SIDE - picture.height) // 2))
    return np.asarray(square, np.float32) / 255


def whole_picture(image: np.ndarray) -> np.ndarray:
    """RGBA float32 (H, W, 4) -> RGB float32 (256, 256, 3), resized as it is, with its alpha on white."""
    resized = Image.fromarray(to_bytes(image)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    return on_white(np.asarray(resized, np.float32) / 255)

# SPDX-License-Identifier: GPL-3.0-or-later
"""From every mode of Pillow's images to grey of full depth, or to 8 bits a channel, with transparency."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
from PIL import Image

Warn = Callable[[str], None]

FILLED = ("BMP", "DIB", "TGA", "ICO")  # where an alpha of zeros everywhere means that nobody wrote one
PHOTOMETRIC, BITS, SAMPLE_FORMAT, EXTRA_SAMPLES = 262, 258, 339, 338  # tags of TIFF
GUESSED = "The image's values reach {:g}; {:g} was taken as white."
BRIGHT_WORDS = "The image has values above 1, which were clipped."
FOURTH_WORDS = "The image's fourth channel was taken as its transparency."


def is_deep(image: Image.Image) -> bool:
    """Whether an image is grey of more than 8 bits."""
    return image.mode.startswith("I") or image.mode == "F"


def read_deep(image: Image.Image, warn: Warn) -> tuple[np.ndarray, np.ndarray]:
    """Grey and alpha float32 (H, W), 0..1, of a loaded image of more than 8 bits."""
    values = np.asarray(image)
    if image.format == "TIFF" and (tags(image, BITS), tags(image, SAMPLE_FORMAT)) == ((32,), (1,)):
        values = values.view(np.uint32)  # Pillow holds them as signed ones
    known = np.nan_to_num(values.astype(np.float64), posinf=np.inf)
    finite = known[np.isfinite(known)]
    white = find_white(image, float(finite.max(initial=0)), bool((finite % 1 == 0).all()), warn)
    grey = np.clip(known / white, 0, 1).astype(np.float32)
    if tags(image, PHOTOMETRIC) == (0,):  # white is zero, which Pillow undoes up to 8 bits
        grey = 1 - grey
    hidden = image.info.get("transparency")
    alpha = np.ones_like(grey) if not isinstance(hidden, int) else (values != hidden).astype(np.float32)
    return grey, alpha


def find_white(image: Image.Image, most: float, is_whole: bool, warn: Warn) -> float:
    """The value that is white in an image of more than 8 bits, whose largest is `most`. What is guessed is said."""
    if image.mode.startswith("I;16"):
        return 4095 if tags(image, BITS) == (12,) else 65535
    if image.mode == "I" and image.format != "TIFF":  # Pillow brings them to 16 bits
        return 65535
    if image.mode == "F" and (most <= 1 or (most <= 16 and not is_whole)):
        if most > 1:
            warn(BRIGHT_WORDS)
        return 1
    known = (255, 65535, 2**32 - 1) if image.mode == "F" or tags(image, SAMPLE_FORMAT) != (2,) else (32767, 2**31 - 1)
    white = next((w for w in known if most <= w), most)
    warn(GUESSED.format(most, white))
    return white


def read_shallow(image: Image.Image, data: bytes, warn: Warn) -> Image.Image:
    """A loaded image of 8 bits or less a channel in mode L, LA, RGB, RGBA, CMYK or LAB; alpha is straight."""
    if image.mode in ("CMYK", "LAB"):
        return image
    hidden = image.info.get("transparency")
    if image.mode in ("1", "L") and isinstance(hidden, int):
        # PNG states it in the file's own depth
        level = 255 * (hidden > 0) if image.mode == "1" else hidden * 255 // (2 ** min(png_depth(image, data), 8) - 1)
        return hide_grey(image.convert("L"), level)
    if image.mode == "RGB" and isinstance(hidden, tuple):
        return hide_color(image, hidden, data)
    if image.mode in ("1", "L"):
        return image.convert("L")
    if image.mode in ("LA", "La"):
        return without_filler(image.convert("LA"), image.format)
    if image.mode == "RGB":
        return with_undeclared(image, data, warn)
    return without_filler(image.convert("RGBA"), image.format)


def hide_grey(image: Image.Image, level: int) -> Image.Image:
    """Mode LA: the pixels of one grey are transparent."""
    values = np.asarray(image)
    return Image.fromarray(np.dstack([values, np.where(values == level, 0, 255).astype(np.uint8)]))


def hide_color(image: Image.Image, hidden: tuple[int, ...], data: bytes) -> Image.Image:
    """Mode RGBA: the pixels of one color are transparent. Of 16 bits, Pillow has kept the upper 8."""
    values = np.asarray(image)
    color = np.array(hidden[:3]) >> (8 if png_depth(image, data) == 16 else 0)
    alpha = np.where((values == color).all(-1), 0, 255).astype(np.uint8)
    return Image.fromarray(np.dstack([values, alpha]))


def png_depth(image: Image.Image, data: bytes) -> int:
    """Bits a channel of a PNG file; 8 for any other."""
    return data[24] if data.startswith(b"\x89PNG") and len(data) > 24 else 8


def with_undeclared(image: Image.Image, data: bytes, warn: Warn) -> Image.Image:
    """Mode RGB, or RGBA if a fourth channel that the file does not call alpha holds something."""
    alpha = None
    if image.format in ("BMP", "DIB"):
        alpha = bmp_alpha(image.size, data)
    elif image.format == "TIFF" and tags(image, EXTRA_SAMPLES) == (0,):
        alpha = np.frombuffer(image.tobytes("raw", "RGBX"), np.uint8).reshape(image.height, image.width, 4)[..., 3]
    if alpha is None or alpha.min() == alpha.max():
        return image
    warn(FOURTH_WORDS)
    return Image.fromarray(np.dstack([np.asarray(image), alpha]))


def bmp_alpha(size: tuple[int, int], data: bytes) -> np.ndarray | None:
    """The fourth bytes (H, W) of an uncompressed 32-bit BMP file, which Pillow skips; None for any other file."""
    width, height = size
    if data[:2] != b"BM" or len(data) < 54:
        return None
    start, _, _, rows, _, bits, compression = struct.unpack("<IIiiHHI", data[10:34])
    if (bits, compression) != (32, 0) or len(data) < start + 4 * width * height:
        return None
    alpha = np.frombuffer(data, np.uint8, 4 * width * height, start).reshape(height, width, 4)[..., 3]
    return alpha if rows < 0 else alpha[::-1]


def without_filler(image: Image.Image, file_format: str | None) -> Image.Image:
    """The image (mode LA or RGBA), opaque if its alpha is zero everywhere in a kind of file where that is usual."""
    if file_format in FILLED and image.getextrema()[-1] == (0, 0):
        image.putalpha(255)
    return image


def tags(image: Image.Image, number: int) -> tuple[int, ...]:
    """The values of a TIFF file's tag; empty where there is none."""
    found = getattr(image, "tag_v2", {}).get(number, ())
    return tuple(found) if isinstance(found, tuple) else (found,)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads an artist's image, as hostile input. The file is never changed."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from pathlib import Path
from warnings import catch_warnings, simplefilter

import numpy as np
from PIL import Image
from PIL.IcoImagePlugin import IcoImageFile
from PIL.TiffImagePlugin import TiffImageFile

from ..interface.errors import ImageError, one_line, remedy_for
from ..runtime.images import SEEN, clear_unseen, to_bytes
from ..runtime.npz import check_npz
from .image_files.color_tags import Convert, Warn, find_conversion
from .image_files.orientation import read_orientation, turned
from .image_files.pixel_formats import is_deep, read_deep, read_shallow

MAX_PIXELS = 64_000_000  # checked before decoding
MAX_FILE_BYTES = 512 << 20
MIN_SIDE = 16  # pixels
MAX_ASPECT = 16  # longer side : shorter side
WORKING_SIDE = 2048  # pixels; larger images are averaged down, no engine uses more
# Only formats that Pillow decodes itself; EPS, for example, would start another program.
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "TGA", "JPEG2000", "PPM", "ICO", "PSD", "SGI", "PCX")
SAVE_AGAIN = "Open it in an image program and save it again as PNG or JPEG."
NOT_READ = (  # kinds of files, where their signature begins, and the signature
    ("HEIC, the format of iPhones,", 4, b"ftyphei"),
    ("HEIC, the format of iPhones,", 4, b"ftypmif1"),
    ("OpenEXR", 0, b"\x76\x2f\x31\x01"),
    ("Radiance HDR", 0, b"#?R"),
    ("JPEG XL", 0, b"\xff\x0a"),
    ("JPEG XL", 4, b"JXL "),
    ("PDF", 0, b"%PDF"),
    ("SVG", 0, b"<svg"),
    ("SVG", 0, b"<?xml"),
    ("A Photoshop file of this kind", 0, b"8BPS"),
    ("A TIFF of this kind", 0, b"II*\0"),
    ("A TIFF of this kind", 0, b"MM\0*"),
    ("A film", 4, b"ftyp"),
)
REDUCED, DNG_VERSION = 254, 50706  # tags of TIFF
FRAMES_WORDS = "The image has several frames or pages; the first one was used."


def read_image(
    source: str | os.PathLike | bytes, upright: bool = True, warnings: list[str] | None = None
) -> np.ndarray:
    """An image file, or its bytes, as float32 RGBA (H, W, 4): straight alpha, sRGB 0..1, top row first.

    Every mode and every color space that the file states is converted; of an animation, the first frame is taken.
    upright: turn it as EXIF says; False where a camera is known, which belongs to the pixels as they are stored.
    warnings: gets a sentence for whatever was guessed or left out. Sides are at most WORKING_SIDE; alpha below SEEN is
    0. ImageError for a missing, unreadable, too large, too small or fully transparent image.
    """
    data = bytes(source) if isinstance(source, (bytes, bytearray, memoryview)) else read_bytes(Path(source))
    if not data:
        raise ImageError("The image file is empty.")
    found: list[str] = []
    with catch_warnings():
        simplefilter("ignore")  # the size is checked here, before Pillow worries about it
        with open_image(data) as image:
            check_stored_size(image, data)
            pixels = decode(image, data, upright, found.append)
    if warnings is not None:
        warnings += dict.fromkeys(found)
    return check_pixels(shrink(pixels))


def read_array(data: bytes) -> np.ndarray:
    """An image from an npz with `image` (H, W, 4), float or uint8, as Blender sends its own images; see read_image."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if archive.getinfo("image.npy").file_size > MAX_PIXELS * 4 * 4 + 4096:
                raise ImageError("The image is too large.", f"Scale it to less than {MAX_PIXELS // 10**6} megapixels.")
        check_npz(data)
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            pixels = file["image"]
        if pixels.ndim != 3 or pixels.shape[2] != 4 or pixels.dtype.kind not in "fu":
            raise ImageError(f"The image has the shape {pixels.shape} and the type {pixels.dtype}.")
    except ImageError:
        raise
    except Exception as error:  # zipfile and numpy raise a dozen kinds
        raise ImageError(
            f"The image arrived damaged ({one_line(error)}).", "Try again, or save the image and pick the file."
        ) from error
    check_size(pixels.shape[1], pixels.shape[0])
    return check_pixels(shrink(to_float(pixels)))


def read_bytes(path: Path) -> bytes:
    """The bytes of a regular file of at most MAX_FILE_BYTES."""
    try:
        if not path.exists():
            raise ImageError(f"There is no image at {path}.", "Check the name, or pick the file again.")
        if not path.is_file():
            raise ImageError(f"{path} is not a file.", "Pick an image file.")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ImageError(f"The image file is larger than {MAX_FILE_BYTES >> 20} MB.", SAVE_AGAIN)
        return path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, ImageError):
            raise
        reason = getattr(error, "strerror", None) or error
        remedy = remedy_for(error, "Check the file's permissions.") if isinstance(error, OSError) else "Check its name."
        raise ImageError(f"The image cannot be opened: {reason}.", remedy) from error


def open_image(data: bytes) -> Image.Image:
    """Read the header; nothing is decoded yet."""
    try:
        Image.init()
        return Image.open(io.BytesIO(data), formats=[name for name in FORMATS if name in Image.OPEN])
    except Image.DecompressionBombError:
        raise too_large() from None
    except Exception as error:  # a damaged header can raise anything
        if isinstance(error, Image.UnidentifiedImageError):
            raise unreadable(data) from None
        raise ImageError(f"The image file is damaged ({one_line(error)}).", SAVE_AGAIN) from error


def unreadable(data: bytes) -> ImageError:
    """The error for a file that is no image, or one of a kind that is not read here, by its name."""
    known = next((kind for kind, at, start in NOT_READ if data[at : at + len(start)] == start), None)
    if known is None:
        known = "The file is not an image that can be read here."
        return ImageError(known, f"Use one of: {', '.join(FORMATS)}. {SAVE_AGAIN}")
    return ImageError(f"{known} cannot be read here.", SAVE_AGAIN)


def too_large(size: str = "") -> ImageError:
    """The error for more than MAX_PIXELS."""
    limit = MAX_PIXELS // 10**6
    return ImageError(f"The image is too large{size}; the limit is {limit} megapixels.", "Scale it down and try again.")


def check_stored_size(image: Image.Image, data: bytes) -> None:
    """`check_size` of an opened file, also of what lies in an icon; ImageError for a preview in a raw file."""
    check_size(*image.size)
    for entry in image.ico.entry if isinstance(image, IcoImageFile) else ():
        if data[entry.offset + 1 : entry.offset + 4] == b"PNG":
            check_size(*struct.unpack(">II", data[entry.offset + 16 : entry.offset + 24]))
    if isinstance(image, TiffImageFile) and (image.tag_v2.get(REDUCED, 0) == 1 or DNG_VERSION in image.tag_v2):
        raise ImageError("The file's first picture is only a preview, as in a camera's raw file.", SAVE_AGAIN)


def check_size(width: int, height: int) -> None:
    """ImageError if an image is too large, too small or too narrow."""
    if width * height > MAX_PIXELS:
        raise too_large(f" ({width} x {height}, {width * height / 1e6:.0f} megapixels)")
    if min(width, height) < MIN_SIDE:
        raise ImageError(f"The image is too small ({width} x {height}); it needs {MIN_SIDE} pixels on each side.")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise ImageError(f"The image is too narrow ({width} x {height}).", "Crop it around the object.")


def decode(image: Image.Image, data: bytes, upright: bool, warn: Warn) -> np.ndarray:
    """Float32 (H, W, 4) of the first frame, in sRGB."""
    try:
        image.seek(0)
        if getattr(image, "is_animated", False) and image.format != "MPO":  # an MPO's others are previews
            warn(FRAMES_WORDS)
        before = read_orientation(image)
        image.load()
        to_srgb = find_conversion(image, data, warn)
        if is_deep(image):
            grey, alpha = read_deep(image, warn)
            pixels = shrink(np.dstack([convert_grey(grey, to_srgb), alpha]))
        else:
            pixels = convert(reduce(read_shallow(image, data, warn)), to_srgb)
        return turned(pixels, image, before, upright)
    except (MemoryError, ImageError):
        raise
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, ValueError, EOFError, ...
        raise ImageError(f"The image is damaged or incomplete ({one_line(error)}).", SAVE_AGAIN) from error


def convert(image: Image.Image, to_srgb: Convert) -> np.ndarray:
    """Float32 (H, W, 4) of an image in mode L, LA, RGB, RGBA, CMYK or LAB."""
    if not image.mode.endswith("A"):
        rgb = to_srgb(image)
        return np.dstack([rgb, np.ones(rgb.shape[:2], np.float32)])
    alpha = np.asarray(image.getchannel("A"), np.float32) / 255
    return np.dstack([to_srgb(image.convert(image.mode[:-1])), alpha])


def convert_grey(grey: np.ndarray, to_srgb: Convert) -> np.ndarray:
    """Grey float (H, W) of any depth, 0..1 -> sRGB float32 (H, W, 3)."""
    levels = np.arange(256, dtype=np.uint8)
    curve = to_srgb(Image.fromarray(levels[None]))[0]
    return np.dstack([np.interp(grey, levels / 255, channel) for channel in curve.T]).astype(np.float32)


def reduce(image: Image.Image) -> Image.Image:
    """Average whole blocks of pixels, weighted by alpha, until the longest side is at most WORKING_SIDE."""
    factor = -(-max(image.size) // WORKING_SIDE)
    return image.reduce(factor) if factor > 1 else image


def to_float(pixels: np.ndarray) -> np.ndarray:
    """uint8 or float pixels -> float32 0..1, without NaN."""
    scale = np.float32(255 if pixels.dtype == np.uint8 else 65535 if pixels.dtype == np.uint16 else 1)
    return np.clip(np.nan_to_num(pixels.astype(np.float32) / scale, posinf=1.0), 0, 1)


def shrink(pixels: np.ndarray) -> np.ndarray:
    """`reduce` for float32 (H, W, 4), without the last rows and columns that do not fill a block."""
    factor = -(-max(pixels.shape[:2]) // WORKING_SIDE)
    if factor == 1:
        return pixels
    height, width = pixels.shape[0] // factor, pixels.shape[1] // factor
    blocks = pixels[: height * factor, : width * factor].reshape(height, factor, width, factor, 4)
    alpha = blocks[..., 3:]
    weight = alpha.sum((1, 3))
    colour = (blocks[..., :3] * alpha).sum((1, 3)) / np.maximum(weight, 1e-6)
    return np.concatenate([colour, weight / factor**2], axis=-1).astype(np.float32)


def check_pixels(pixels: np.ndarray) -> np.ndarray:
    """The pixels, contiguous, with what nobody sees cleared. ImageError if nothing is visible."""
    if pixels[..., 3].max() < SEEN:
        raise ImageError("The image is fully transparent.", "Choose an image that shows an object.")
    return clear_unseen(np.ascontiguousarray(pixels, np.float32))


def encode_png(pixels: np.ndarray) -> bytes:
    """(H, W, 4), float 0..1 or uint8 -> the bytes of a PNG file."""
    stream = io.BytesIO()
    Image.fromarray(to_bytes(to_float(pixels))).save(stream, "PNG")
    return stream.getvalue()

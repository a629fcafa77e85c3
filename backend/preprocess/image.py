# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads an artist's image, as hostile input. The file is never changed."""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from ..interface.errors import ImageError
from ..runtime.images import to_bytes

MAX_PIXELS = 64_000_000  # checked before decoding
MAX_FILE_BYTES = 512 << 20
MIN_SIDE = 16  # pixels
MAX_ASPECT = 16  # longer side : shorter side
WORKING_SIDE = 2048  # pixels; larger images are averaged down, no engine uses more
VISIBLE = 8 / 255  # the least alpha that counts as visible
# Only formats that Pillow decodes itself; EPS, for example, would start another program.
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "TGA", "JPEG2000", "PPM")
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SAVE_AGAIN = "Open it in an image program and save it again as PNG or JPEG."


def read_image(source: str | os.PathLike | bytes) -> np.ndarray:
    """An image file, or its bytes, as float32 RGBA (H, W, 4): straight alpha, sRGB 0..1, top row first.

    Converts 16-bit, grey, palette, CMYK and other modes, applies the embedded colour profile and the EXIF orientation,
    and takes the first frame of an animation. Sides are at most WORKING_SIDE. ImageError for a missing, unreadable, too
    large, too small or fully transparent image.
    """
    data = bytes(source) if isinstance(source, (bytes, bytearray, memoryview)) else read_bytes(Path(source))
    if not data:
        raise ImageError("The image file is empty.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the size is checked here, before Pillow worries about it
        with open_image(data) as image:
            check_size(*image.size)
            pixels = decode(image)
    return check_pixels(shrink(pixels))


def read_array(data: bytes) -> np.ndarray:
    """An image from an npz with `image` (H, W, 4), float or uint8, as Blender sends its own images; see read_image."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if archive.getinfo("image.npy").file_size > MAX_PIXELS * 4 * 4 + 4096:
                raise ImageError("The image is too large.", f"Scale it to less than {MAX_PIXELS // 10**6} megapixels.")
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            pixels = file["image"]
        if pixels.ndim != 3 or pixels.shape[2] != 4 or pixels.dtype.kind not in "fu":
            raise ImageError(f"The image has the shape {pixels.shape} and the type {pixels.dtype}.")
    except ImageError:
        raise
    except Exception as error:  # zipfile and numpy raise a dozen kinds
        raise ImageError(
            f"The image arrived damaged ({error}).", "Try again, or save the image and pick the file."
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
        raise ImageError(f"The image cannot be opened: {reason}.", "Check the file's permissions.") from error


def open_image(data: bytes) -> Image.Image:
    """Read the header; nothing is decoded yet."""
    try:
        Image.init()
        return Image.open(io.BytesIO(data), formats=[name for name in FORMATS if name in Image.OPEN])
    except Image.DecompressionBombError:
        raise too_large() from None
    except Exception as error:  # a damaged header can raise anything
        if isinstance(error, Image.UnidentifiedImageError):
            raise ImageError(
                "The file is not an image that can be read here.", f"Use one of: {', '.join(FORMATS)}. {SAVE_AGAIN}"
            ) from None
        raise ImageError(f"The image file is damaged ({error}).", SAVE_AGAIN) from error


def too_large(size: str = "") -> ImageError:
    """The error for more than MAX_PIXELS."""
    limit = MAX_PIXELS // 10**6
    return ImageError(f"The image is too large{size}; the limit is {limit} megapixels.", "Scale it down and try again.")


def check_size(width: int, height: int) -> None:
    """ImageError if an image is too large, too small or too narrow."""
    if width * height > MAX_PIXELS:
        raise too_large(f" ({width} x {height}, {width * height / 1e6:.0f} megapixels)")
    if min(width, height) < MIN_SIDE:
        raise ImageError(f"The image is too small ({width} x {height}); it needs {MIN_SIDE} pixels on each side.")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise ImageError(f"The image is too narrow ({width} x {height}).", "Crop it around the object.")


def decode(image: Image.Image) -> np.ndarray:
    """Float32 (H, W, 4) of the first frame, upright, in sRGB."""
    try:
        image.seek(0)
        image.load()
        if image.mode.startswith("I") or image.mode == "F":
            return grey_to_float(upright(image))
        colours = to_srgb(image).convert("RGBA")
        return to_float(np.asarray(upright(reduce(colours), image)))
    except MemoryError:
        raise
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, ValueError, EOFError, ...
        raise ImageError(f"The image is damaged or incomplete ({error}).", SAVE_AGAIN) from error


def grey_to_float(image: Image.Image) -> np.ndarray:
    """Grey of more than 8 bits: integers are 16-bit values, floats lie in 0..1."""
    grey = np.asarray(image).astype(np.float32)
    grey = np.nan_to_num(grey if image.mode == "F" else grey / 65535, posinf=1.0)
    return np.dstack([np.clip(grey, 0, 1)] * 3 + [np.ones_like(grey)])


def to_srgb(image: Image.Image) -> Image.Image:
    """The image with its embedded colour profile applied; unchanged if there is none, or a broken one."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return image
    try:
        converted = ImageCms.profileToProfile(
            image.convert("RGB") if image.mode == "RGBA" else image,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
    except Exception:  # a broken profile is no reason to refuse the image
        return image
    if converted is None:
        return image
    if image.mode == "RGBA":
        converted.putalpha(image.getchannel("A"))
    return converted


def reduce(image: Image.Image) -> Image.Image:
    """Average whole blocks of pixels, weighted by alpha, until the longest side is at most WORKING_SIDE."""
    factor = -(-max(image.size) // WORKING_SIDE)
    return image.reduce(factor) if factor > 1 else image


def upright(image: Image.Image, tagged: Image.Image | None = None) -> Image.Image:
    """The image turned by the EXIF orientation of `tagged`, None: its own; unchanged if the tag is broken."""
    try:
        turn = TURNS.get((tagged or image).getexif().get(0x0112, 1))
    except Exception:  # EXIF of cameras and phones is often malformed
        turn = None
    return image if turn is None else image.transpose(turn)


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
    """The pixels, contiguous. ImageError if nothing is visible."""
    if pixels[..., 3].max() < VISIBLE:
        raise ImageError("The image is fully transparent.", "Choose an image that shows an object.")
    return np.ascontiguousarray(pixels, np.float32)


def encode_png(pixels: np.ndarray) -> bytes:
    """(H, W, 4), float 0..1 or uint8 -> the bytes of a PNG file."""
    stream = io.BytesIO()
    Image.fromarray(to_bytes(to_float(pixels))).save(stream, "PNG")
    return stream.getvalue()

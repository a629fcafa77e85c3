# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds what an image file says about its colors: profiles, PNG chunks, nclx boxes, EXIF. All of it may be damaged."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from ...interface.errors import ImageError
from .color_spaces import (
    ADOBE,
    BT709,
    HDR,
    PRIMARIES,
    Chromaticities,
    ColorSpace,
    curve_of,
    decode_srgb,
    screen,
    to_xyz,
)

Convert = Callable[[Image.Image], np.ndarray]  # mode L, RGB, CMYK or LAB -> sRGB float32 (H, W, 3), 0..1
Warn = Callable[[str], None]

IGNORED_WORDS = "The color profile in the image cannot be used; it was ignored."
CLIPPED_WORDS = "The image has a high dynamic range; what is brighter than white was clipped."
SPACES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK", "Lab": "LAB"}  # of profiles, and Pillow's modes
EXIF, INTEROP = 0x8769, 0xA005
COLOR_SPACE, INDEX, WHITE, RED_GREEN_BLUE, GAMMA = 0xA001, 1, 318, 319, 0xA500
SRGB = ColorSpace()


def find_conversion(image: Image.Image, data: bytes, warn: Warn) -> Convert:
    """How the colors of an opened file become sRGB. ImageError for a color space that is stated and not known here."""
    for space in stated(image, data, warn):
        if isinstance(space, ColorSpace):
            if space.is_hdr:
                warn(CLIPPED_WORDS)
            return plain if space.is_srgb() else lambda known, space=space: space.to_srgb(plain(known))
        if (convert := by_profile(space, image)) is not None:
            return convert
        warn(IGNORED_WORDS)
    return plain


def stated(image: Image.Image, data: bytes, warn: Warn) -> Iterator[ColorSpace | bytes]:
    """The color spaces and ICC profiles that a file states, the one that counts first.

    PNG: cICP, iCCP, sRGB, then gAMA with cHRM (PNG, third edition, section 4.3).
    """
    chunks = png_chunks(data) if image.format == "PNG" else {}
    if len(cicp := chunks.get(b"cICP", b"")) == 4:
        yield by_codes(*cicp)
    if profile := image.info.get("icc_profile") or find_profile(image.format, data):
        yield profile
    elif b"iCCP" in chunks:
        warn(IGNORED_WORDS)
    if image.format == "AVIF" and (at := data.find(b"colrnclx")) >= 0 and len(data) >= at + 15:
        primaries, transfer, _ = struct.unpack(">HHH", data[at + 8 : at + 14])
        yield by_codes(primaries, transfer, 0, 1)  # the decoder has undone the matrix and the range
    if b"sRGB" in chunks:
        yield SRGB
    elif b"gAMA" in chunks or b"cHRM" in chunks:
        yield by_chunks(chunks)
    yield by_exif(image)


def plain(image: Image.Image) -> np.ndarray:
    """The image as if it were in sRGB; CMYK by the simple rule, Lab exactly."""
    if image.mode == "LAB":
        image = transform(image, ImageCms.createProfile("LAB"))
    return np.asarray(image.convert("RGB"), np.float32) / 255


def by_profile(data: bytes, image: Image.Image) -> Convert | None:
    """The conversion by an ICC profile; None if that is broken, or for other colors than the image's."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        wanted = SPACES[ImageCms.core.profile_frombytes(data).xcolor_space.strip()]
        is_grey = image.mode in ("1", "L", "LA", "La", "F") or image.mode.startswith("I")
        mode = image.mode if image.mode in ("CMYK", "LAB") else "L" if is_grey else "RGB"
        if wanted != mode and (mode, wanted) != ("L", "RGB"):
            return None
        transform(Image.new(wanted, (1, 1)), profile)
    except Exception:  # LittleCMS raises whatever Pillow makes of it
        return None
    return lambda known: np.asarray(transform(known.convert(wanted), profile), np.float32) / 255


def transform(image: Image.Image, profile: Any) -> Image.Image:
    """The image in sRGB; what was made for paper as bright as a screen. ImageCms.PyCMSError."""
    intent = ImageCms.Intent.PERCEPTUAL if image.mode == "CMYK" else ImageCms.Intent.RELATIVE_COLORIMETRIC
    converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), intent, "RGB")
    assert converted is not None  # it is None only in place
    return converted


def by_codes(primaries: int, transfer: int, matrix: int, is_full: int) -> ColorSpace:
    """The color space of H.273's code numbers. ImageError for those that are not known here."""
    try:
        chromaticities = BT709 if primaries == 2 else PRIMARIES[primaries]
        curve = curve_of(transfer)
        if matrix:
            raise KeyError("matrix")
    except KeyError:
        raise ImageError(
            f"The image's colors (cICP {primaries}, {transfer}, {matrix}) cannot be read here.",
            "Save it as sRGB in an image program.",
        ) from None
    if is_full:
        return ColorSpace(chromaticities, curve, transfer in HDR)
    full = curve or decode_srgb
    return ColorSpace(chromaticities, lambda values: full(np.clip((values * 255 - 16) / 219, 0, 1)), transfer in HDR)


def by_chunks(chunks: dict[bytes, bytes]) -> ColorSpace:
    """The color space of a PNG file's gAMA and cHRM; sRGB where they are damaged."""
    gamma, chroma = chunks.get(b"gAMA", b""), chunks.get(b"cHRM", b"")
    chromaticities = BT709
    if len(chroma) == 32:
        white, primaries = np.split(np.array(struct.unpack(">8I", chroma)) / 100_000, [2])
        chromaticities = checked((*primaries, *white))
    if len(gamma) == 4 and (value := struct.unpack(">I", gamma)[0]):
        return screen(chromaticities, 100_000 / value)
    return ColorSpace(chromaticities)


def by_exif(image: Image.Image) -> ColorSpace:
    """The color space that a camera wrote: Adobe RGB or sRGB."""
    try:
        exif = image.getexif()
        details = exif.get_ifd(EXIF)
        index = exif.get_ifd(INTEROP).get(INDEX, "")
        index = index.decode("latin-1") if isinstance(index, bytes) else str(index)
        space = details.get(COLOR_SPACE)
        if space == 2 or (space != 1 and index.startswith("R03")):
            return screen(ADOBE, 563 / 256)
        if space != 1 and WHITE in exif and RED_GREEN_BLUE in exif:
            gamma = float(details.get(GAMMA) or 2.2)
            values = [float(x) for x in (*exif[RED_GREEN_BLUE], *exif[WHITE])]
            return screen(checked(tuple(values)), gamma)  # pyright: ignore[reportArgumentType]
    except Exception:  # EXIF of cameras and phones is often malformed
        pass
    return SRGB


def checked(chromaticities: Chromaticities) -> Chromaticities:
    """The chromaticities; BT.709's where they are those of no possible screen."""
    try:
        with np.errstate(all="raise"):
            matrix = to_xyz(chromaticities)
    except (np.linalg.LinAlgError, FloatingPointError, ValueError):
        return BT709
    return chromaticities if np.isfinite(matrix).all() and abs(np.linalg.det(matrix)) > 1e-3 else BT709


def png_chunks(data: bytes) -> dict[bytes, bytes]:
    """The chunks of a PNG file before its pixels, by name."""
    chunks, at = {}, 8
    while at + 8 <= len(data):
        length, name = struct.unpack(">I4s", data[at : at + 8])
        if name == b"IDAT":
            break
        chunks.setdefault(name, data[at + 8 : at + 8 + length])
        at += length + 12
    return chunks


def find_profile(file_format: str | None, data: bytes) -> bytes:
    """The ICC profile in a kind of file in which Pillow looks for none; empty if there is none."""
    if file_format == "JPEG2000" and (at := data.find(b"colr")) >= 4 and data[at + 4 : at + 5] in (b"\2", b"\3"):
        end = at - 4 + int.from_bytes(data[at - 4 : at], "big")
        return data[at + 7 : end]
    if file_format == "BMP" and data[70:74] == b"DEBM":  # PROFILE_EMBEDDED in a BITMAPV5HEADER
        start, size = struct.unpack("<II", data[126:134])
        return data[14 + start : 14 + start + size]
    if file_format == "GIF" and (at := data.find(b"\x21\xff\x0bICCRGBG1012")) >= 0:
        return sub_blocks(data, at + 14)
    return b""


def sub_blocks(data: bytes, at: int) -> bytes:
    """The content of a GIF extension: blocks with their lengths before them, until an empty one."""
    parts = []
    while at < len(data) and data[at]:
        parts.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return b"".join(parts)

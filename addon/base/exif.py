# SPDX-License-Identifier: GPL-3.0-or-later
"""EXIF's orientation in the bytes of an image file. Phones store images turned, and Blender shows them as stored."""

from __future__ import annotations

import re
import struct
import zlib

import numpy as np

ORIENTATION = 0x0112
# Where EXIF's own file begins: in JPEG, WebP and PNG files; a TIFF file is one.
STARTS = re.compile(rb"(?:Exif\0\0|eXIf|EXIF.{4}|\A)(?=II\*\0|MM\0\*)", re.DOTALL)


def places(data: bytes) -> list[tuple[int, str]]:
    """Where the bytes of a file hold an orientation as a number of 16 bits, and in which order of bytes."""
    found = []
    for match in STARTS.finditer(data):
        start = match.end()
        order = "<" if data[start : start + 2] == b"II" else ">"
        try:
            (offset,) = struct.unpack_from(order + "I", data, start + 4)
            (count,) = struct.unpack_from(order + "H", data, start + offset)
            for entry in range(start + offset + 2, start + offset + 2 + 12 * count, 12):
                if struct.unpack_from(order + "HH", data, entry) == (ORIENTATION, 3):
                    found.append((entry + 8, order))
        except struct.error:  # damaged, or no EXIF at all
            continue
    return [(at, order) for at, order in found if at + 2 <= len(data)]


def orientation(data: bytes) -> int:
    """1 to 8; 1 for an image that is stored upright."""
    numbers = [struct.unpack_from(order + "H", data, at)[0] for at, order in places(data)]
    return next((number for number in numbers if 1 <= number <= 8), 1)


def as_stored(data: bytes) -> bytes:
    """The file's bytes, such that every program reads the image as it is stored."""
    changed = bytearray(data)
    for at, order in places(data):
        struct.pack_into(order + "H", changed, at, 1)
    if changed != data and data.startswith(b"\x89PNG"):
        start = data.find(b"eXIf")
        end = start + 4 + int.from_bytes(data[start - 4 : start], "big")
        if 4 <= start and end + 4 <= len(changed):  # else the file is damaged
            changed[end : end + 4] = zlib.crc32(changed[start:end]).to_bytes(4, "big")
    return bytes(changed)


def turn(pixels: np.ndarray, number: int) -> np.ndarray:
    """Stored pixels (H, W, ...), first row on top, upright by an orientation."""
    if number in (2, 4, 5, 7):
        pixels = pixels[:, ::-1]
    return np.rot90(pixels, {3: 2, 4: 2, 5: 1, 6: -1, 7: -1, 8: 1}.get(number, 0))

# SPDX-License-Identifier: GPL-3.0-or-later
"""ICC profiles written by hand, byte by byte, and the chunks of PNG files."""

import struct
import zlib
from collections.abc import Sequence

import numpy as np

D50 = np.array([0.9642, 1.0, 0.8249])  # white of the connection space
D65 = np.array([0.3127, 0.3290, 0.3583]) / 0.3290
CONES = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])  # Bradford
ADOBE = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
P3 = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06))
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))


def rgb_profile(primaries: Sequence[tuple[float, float]], gamma: float, padding: int = 0) -> bytes:
    """A profile of a screen with white D65. padding: bytes of a private tag."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    xyz = columns * np.linalg.solve(columns, D65)
    gains = (CONES @ D50) / (CONES @ D65)
    xyz = np.linalg.inv(CONES) @ np.diag(gains) @ CONES @ xyz
    tags = {b"wtpt": xyz_tag(D50)}
    for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), xyz.T, strict=True):
        tags[name] = xyz_tag(column)
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve_tag(gamma))
    if padding:
        tags[b"padd"] = b"data" + bytes(8) + bytes(range(256)) * (padding // 256)
    return profile(b"RGB ", b"XYZ ", tags)


def grey_profile(gamma: float) -> bytes:
    return profile(b"GRAY", b"XYZ ", {b"wtpt": xyz_tag(D50), b"kTRC": curve_tag(gamma)})


def table_profile(space: bytes, corners: dict[tuple[int, ...], float]) -> bytes:
    """A profile through Lab, whose table has a lightness (L*, grey) for corners of the color cube, 0 for the rest."""
    inputs = len(next(iter(corners)))
    table = b"".join(
        struct.pack(">HHH", round(corners.get(corner, 0) / 100 * 0xFF00), 0x8000, 0x8000)
        for corner in np.ndindex(*[2] * inputs)
    )
    identity = struct.pack(">9i", *(65536 * np.eye(3, dtype=int)).ravel())
    ramps = struct.pack(">HH", 0, 65535)
    body = b"mft2" + bytes(4) + bytes([inputs, 3, 2, 0]) + identity + struct.pack(">HH", 2, 2)
    return profile(space, b"Lab ", {b"wtpt": xyz_tag(D50), b"A2B0": body + ramps * inputs + table + ramps * 3})


def xyz_tag(xyz: np.ndarray) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *np.rint(np.asarray(xyz) * 65536).astype(int))


def curve_tag(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)


def profile(space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC profile of version 2.4 for a screen."""
    white = struct.pack(">3i", *np.rint(D50 * 65536).astype(int))
    start, table, body = 132 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        table += name + struct.pack(">II", start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    head = struct.pack(">I4xI4s4s4s12xI", start + len(body), 0x02400000, b"mntr", space, connection, 0x61637370)
    return head + bytes(28) + white + bytes(48) + struct.pack(">I", len(tags)) + table + body


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def with_chunks(png: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG file with more chunks after its header."""
    return png[:33] + b"".join(png_chunk(*chunk) for chunk in chunks) + png[33:]

# SPDX-License-Identifier: GPL-3.0-or-later
"""Small glTF files, built by hand: the standard library and numpy alone, so that Blender's Python can import it too."""

import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np

TRIANGLE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
KINDS = {"int8": 5120, "uint8": 5121, "int16": 5122, "uint16": 5123, "uint32": 5125, "float32": 5126}
WIDTHS = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


class Gltf:
    """tree: the JSON, to which everything may be added. Arrays and images are added to the binary chunk."""

    def __init__(self):
        self.binary = io.BytesIO()
        self.tree = {
            "asset": {"version": "2.0"},
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [{"mesh": 0}],
            "meshes": [{"primitives": []}],
            "accessors": [],
            "bufferViews": [],
        }

    def view(self, data: bytes) -> int:
        self.binary.write(bytes(-self.binary.tell() % 4))
        self.tree["bufferViews"].append({"buffer": 0, "byteOffset": self.binary.tell(), "byteLength": len(data)})
        self.binary.write(data)
        return len(self.tree["bufferViews"]) - 1

    def array(self, values, normalized: bool = False) -> int:
        values = np.asarray(values)
        rows = values.reshape(len(values), -1)
        padded = np.zeros((len(rows), rows.shape[1] + -rows.shape[1] * rows.itemsize % 4 // rows.itemsize), rows.dtype)
        padded[:, : rows.shape[1]] = rows
        view = self.view(padded.tobytes())
        if padded.shape != rows.shape and rows.shape[1] > 1:
            self.tree["bufferViews"][view]["byteStride"] = padded.shape[1] * padded.itemsize
        elif rows.shape[1] == 1:
            self.tree["bufferViews"][view] |= {"byteOffset": self.binary.tell(), "byteLength": rows.nbytes}
            self.binary.write(rows.tobytes())
        accessor = {
            "bufferView": view,
            "componentType": KINDS[rows.dtype.name],
            "count": len(rows),
            "type": WIDTHS[rows.shape[1]],
            "min": rows.min(0).tolist(),
            "max": rows.max(0).tolist(),
        }
        self.tree["accessors"].append(accessor | ({"normalized": True} if normalized else {}))
        return len(self.tree["accessors"]) - 1

    def add(self, name: str, entry: dict) -> int:
        self.tree.setdefault(name, []).append(entry)
        return len(self.tree[name]) - 1

    def texture(self, pixels: np.ndarray, sampler: dict | None = None) -> int:
        """A texture of sRGB pixels uint8 (H, W, 3)."""
        image = self.add("images", {"bufferView": self.view(png(pixels)), "mimeType": "image/png"})
        described = {"source": image}
        if sampler:
            described["sampler"] = self.add("samplers", sampler)
        return self.add("textures", described)

    def primitive(self, positions=TRIANGLE, mesh: int = 0, **rest) -> dict:
        """A primitive of the given attributes (numbers of arrays) and other keys; lower case for the latter."""
        attributes = {key: value for key, value in rest.items() if key.isupper() or key[-1].isdigit()}
        others = {key: value for key, value in rest.items() if key not in attributes}
        primitive = {"attributes": {"POSITION": self.array(np.asarray(positions, np.float32))} | attributes} | others
        self.tree["meshes"][mesh]["primitives"].append(primitive)
        return primitive

    def write(self, path: Path) -> Path:
        binary = self.binary.getvalue()
        binary += bytes(-len(binary) % 4)
        self.tree["buffers"] = [{"byteLength": len(binary)}]
        text = json.dumps(self.tree).encode()
        text += b" " * (-len(text) % 4)
        head = struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(binary))
        parts = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
        path.write_bytes(head + parts)
        return path


def png(pixels: np.ndarray) -> bytes:
    """Pixels uint8 (H, W, 3 or 4) as a PNG."""
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.astype(np.uint8).tobytes() for row in pixels)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, {3: 2, 4: 6}[channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")

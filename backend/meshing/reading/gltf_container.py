# SPDX-License-Identifier: GPL-3.0-or-later
"""A glTF file's JSON, its buffers and the arrays in them. ValueError says what is wrong."""

from __future__ import annotations

import base64
import binascii
import struct
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import numpy as np

from ...interface.files import parse_json
from .refusal import Unreadable
from .textures import file_beside

MAGIC, JSON, BINARY = b"glTF", b"JSON", b"BIN\0"
KINDS = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
MAX_NUMBERS = 1 << 28  # of one array that no buffer holds


class Container:
    """tree: the file's JSON. Buffers are read when they are asked for, those beside the file only from its folder."""

    def __init__(self, path: Path) -> None:
        self.folder, self.binary = path.parent, None
        data = path.read_bytes()
        if data[:4] == MAGIC:
            text, self.binary = split_chunks(data)
        else:
            text = data
        tree = parse_json(text)
        if tree is None:
            raise Unreadable("its JSON is damaged")
        self.tree = tree
        version = str(tree.get("asset", {}).get("version", ""))
        if not version.startswith("2."):
            raise Unreadable(f"it is glTF {version or 'of no version'}; only 2.0 is read")
        self.buffers: dict[int, bytes] = {}

    def list(self, name: str) -> list[Any]:
        """A list of the tree, empty where it has none."""
        found = self.tree.get(name, [])
        return found if isinstance(found, list) else []

    def entry(self, name: str, number: Any) -> dict[str, Any]:
        """One entry of a list of the tree."""
        listed = self.list(name)
        if type(number) is not int or not 0 <= number < len(listed) or not isinstance(listed[number], dict):
            raise Unreadable(f"it has no {name}[{number}]")
        return listed[number]

    def uri(self, uri: str) -> bytes | None:
        """The data in a URI or in the file of the folder that it names, None where there is none."""
        if uri[:5].lower() == "data:":
            kind, _, text = uri.partition(",")
            if not kind.lower().endswith(";base64"):
                return unquote_to_bytes(text)
            try:
                return base64.b64decode(unquote_to_bytes(text), validate=True)
            except binascii.Error:
                raise Unreadable("its embedded data are damaged") from None
        path = file_beside(self.folder, unquote_to_bytes(uri).decode(errors="surrogateescape"))
        return None if path is None else path.read_bytes()

    def buffer(self, number: int) -> bytes:
        if number not in self.buffers:
            uri = self.entry("buffers", number).get("uri")
            found = self.binary if uri is None and number == 0 else self.uri(str(uri))
            if found is None:
                raise Unreadable(f"its data {str(uri)[:80]!r} are not in its folder")
            self.buffers[number] = found
        return self.buffers[number]

    def view(self, number: int) -> bytes:
        """The bytes of a buffer view."""
        view = self.entry("bufferViews", number)
        start, length = view.get("byteOffset", 0), view["byteLength"]
        data = self.buffer(view["buffer"])[start : start + length] if min(start, length) >= 0 else b""
        if len(data) != length:
            raise Unreadable("it is cut off")
        return data

    def accessor(self, number: int) -> np.ndarray:
        """An array (count, width); normalised integers become float 0..1, or -1..1."""
        found = self.entry("accessors", number)
        kind, width, count = KINDS.get(found["componentType"]), WIDTHS.get(found["type"]), found["count"]
        if kind is None or width is None or type(count) is not int or count < 0:
            raise Unreadable(f"its array {number} is of no known kind")
        if "bufferView" in found:
            values = self._array(found, found["bufferView"], kind, count, width)
        elif count * width > MAX_NUMBERS:
            raise Unreadable(f"its array {number} is too large")
        else:
            values = np.zeros((count, width), kind)
        if sparse := found.get("sparse"):
            place, new = sparse["indices"], sparse["values"]
            rows = self._array(place, place["bufferView"], KINDS[place["componentType"]], sparse["count"], 1)[:, 0]
            values = values.copy()
            values[rows] = self._array(new, new["bufferView"], kind, sparse["count"], width)
        if found.get("normalized") and values.dtype.kind in "iu":
            return np.maximum(values / np.float32(np.iinfo(kind).max), np.float32(-1))
        return values

    def _array(self, where: dict[str, Any], view: int, kind: type, count: int, width: int) -> np.ndarray:
        data, size = self.view(view), np.dtype(kind).itemsize
        offset, stride = where.get("byteOffset", 0), self.entry("bufferViews", view).get("byteStride") or size * width
        if offset < 0 or stride <= 0 or (count and offset + (count - 1) * stride + size * width > len(data)):
            raise Unreadable("it is cut off")
        little = np.dtype(kind).newbyteorder("<")
        return np.ndarray((count, width), little, data, offset, (stride, size)).astype(kind)


def split_chunks(data: bytes) -> tuple[bytes, bytes | None]:
    """The JSON and the binary chunk of a .glb."""
    place, chunks = 12, {}
    while place + 8 <= len(data):
        length, kind = struct.unpack_from("<I4s", data, place)
        if place + 8 + length > len(data):
            raise Unreadable("it is cut off")
        chunks.setdefault(kind, data[place + 8 : place + 8 + length])
        place += 8 + length + -length % 4
    if JSON not in chunks:
        raise Unreadable("it has no JSON")
    return chunks[JSON], chunks.get(BINARY)

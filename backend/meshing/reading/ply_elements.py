# SPDX-License-Identifier: GPL-3.0-or-later
"""The elements of a PLY file, whatever they mean: columns of numbers, and lists."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .refusal import Unreadable

KINDS = {
    "char": "i1",
    "uchar": "u1",
    "short": "i2",
    "ushort": "u2",
    "int": "i4",
    "uint": "u4",
    "float": "f4",
    "double": "f8",
    "int8": "i1",
    "uint8": "u1",
    "int16": "i2",
    "uint16": "u2",
    "int32": "i4",
    "uint32": "u4",
    "float32": "f4",
    "float64": "f8",
}
ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
END = b"end_header"


@dataclass
class Property:
    """One property; a list has a type for its length too."""

    name: str
    kind: str
    length: str = ""


@dataclass
class Element:
    """An element's rows: columns by name (N,); lists by name, all values one after the other and each row's number."""

    name: str
    count: int
    properties: list[Property] = field(default_factory=list)
    columns: dict[str, np.ndarray] = field(default_factory=dict)
    lists: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def find(self, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray] | None:
        """The first list that has one of the names."""
        return next((self.lists[name] for name in names if name in self.lists), None)


def read_elements(data: bytes) -> tuple[dict[str, Element], list[str]]:
    """All elements by name, and the header's comments. ValueError."""
    header, body = split_header(data)
    order, elements, comments = parse_header(header)
    place = 0
    if order == "":
        words = body.split()
        for element in elements:
            place = read_words(element, words, place)
    else:
        for element in elements:
            place = read_binary(element, body, place, order)
    return {element.name: element for element in elements}, comments


def split_header(data: bytes) -> tuple[list[str], bytes]:
    """The header's lines, and what follows it."""
    end = data.find(END)
    if not data.startswith(b"ply") or end < 0:
        raise Unreadable("it has no PLY header")
    body = data.find(b"\n", end)
    if data[end + len(END) : end + len(END) + 1] == b"\r" and data[end + len(END) + 1 : end + len(END) + 2] != b"\n":
        body = end + len(END)  # lines that end in \r alone
    return data[:end].decode("utf-8", "surrogateescape").splitlines(), data[body + 1 :] if body >= 0 else b""


def parse_header(lines: list[str]) -> tuple[str, list[Element], list[str]]:
    """Byte order ("" is ascii), elements and comments."""
    order, elements, comments = None, [], []
    for line in lines[1:]:
        match line.split():
            case ["format", name, *_]:
                order = ORDERS.get(name)
            case ["comment" | "obj_info", *_]:
                comments.append(line.split(None, 1)[1] if len(line.split()) > 1 else "")
            case ["element", name, count] if count.isdigit():
                elements.append(Element(name, int(count)))
            case ["property", "list", length, kind, name] if elements and length in KINDS and kind in KINDS:
                elements[-1].properties.append(Property(name, KINDS[kind], KINDS[length]))
            case ["property", kind, name] if elements and kind in KINDS:
                elements[-1].properties.append(Property(name, KINDS[kind]))
            case []:
                pass
            case _:
                raise Unreadable(f"its header has the line {line[:80]!r}")
    if order is None:
        raise Unreadable("its format is not known")
    return order, elements, comments


def read_words(element: Element, words: list[bytes], place: int) -> int:
    """Read an element from words of text, from a place on; returns the next place."""
    if not any(p.length for p in element.properties):
        width = len(element.properties)
        if place + element.count * width > len(words):
            raise Unreadable("it is cut off")
        rows = np.array(words[place : place + element.count * width], "S").reshape(element.count, width)
        for i, p in enumerate(element.properties):
            element.columns[p.name] = as_kind(rows[:, i].astype(np.float64), p.kind)
        return place + element.count * width
    values: dict[str, list] = {p.name: [] for p in element.properties}
    sizes: dict[str, list[int]] = {p.name: [] for p in element.properties if p.length}
    if element.count > len(words):
        raise Unreadable("it is cut off")
    for _ in range(element.count):
        for p in element.properties:
            size = 1
            if p.length:
                size = int(words[place]) if place < len(words) else -1
                sizes[p.name].append(size)
                place += 1
            if size < 0 or place + size > len(words):
                raise Unreadable("it is cut off")
            values[p.name] += words[place : place + size]
            place += size
    for p in element.properties:
        found = as_kind(np.array(values[p.name], "S").astype(np.float64), p.kind)
        if p.length:
            element.lists[p.name] = found, np.array(sizes[p.name], np.int64)
        else:
            element.columns[p.name] = found
    return place


def as_kind(values: np.ndarray, kind: str) -> np.ndarray:
    """Numbers float64 as one of PLY's types. ValueError where they do not fit it."""
    if kind[0] != "f" and len(values):
        limits = np.iinfo(kind)
        if not (limits.min <= values.min() and values.max() <= limits.max):
            raise Unreadable("it has numbers that do not fit their type")
    return values.astype(kind)


def read_binary(element: Element, body: bytes, place: int, order: str) -> int:
    """Read an element from binary data, from a place on; returns the next place."""
    if not any(p.length for p in element.properties):
        return read_rows(element, body, place, order, {})
    first = (
        first_sizes(element, body, place, order)
        if element.count
        else dict.fromkeys((p.name for p in element.properties), 0)
    )
    try:  # most files have lists of one length
        end = read_rows(element, body, place, order, first)
        if all((sizes == first[name]).all() for name, (_, sizes) in element.lists.items()):
            return end
    except ValueError:
        pass
    return read_one_by_one(element, body, place, order)


def first_sizes(element: Element, body: bytes, place: int, order: str) -> dict[str, int]:
    """The lengths of the first row's lists."""
    sizes = {}
    for p in element.properties:
        size = 1
        if p.length:
            size = sizes[p.name] = int(take(body, place, order + p.length, 1)[0])
            place += np.dtype(p.length).itemsize
        place += size * np.dtype(p.kind).itemsize
    return sizes


def read_rows(element: Element, body: bytes, place: int, order: str, sizes: dict[str, int]) -> int:
    """Read rows whose lists all have these lengths, as long as the file says so; returns the next place."""
    fields = []
    for i, p in enumerate(element.properties):
        if p.length:
            fields.append((f"n{i}", order + p.length))
        fields.append((f"v{i}", order + p.kind, (sizes.get(p.name, 0),) if p.length else ()))
    row = np.dtype(fields)
    rows = take(body, place, row, element.count)
    for i, p in enumerate(element.properties):
        values = np.ascontiguousarray(rows[f"v{i}"]).astype(p.kind)
        if p.length:
            element.lists[p.name] = values.reshape(-1), rows[f"n{i}"].astype(np.int64)
        else:
            element.columns[p.name] = values
    return place + element.count * row.itemsize


def read_one_by_one(element: Element, body: bytes, place: int, order: str) -> int:
    """Read rows with lists of several lengths; returns the next place."""
    values: dict[str, list[np.ndarray]] = {p.name: [] for p in element.properties}
    if element.count > len(body):
        raise Unreadable("it is cut off")
    for _ in range(element.count):
        for p in element.properties:
            size = 1
            if p.length:
                size = int(take(body, place, order + p.length, 1)[0])
                place += np.dtype(p.length).itemsize
            values[p.name].append(take(body, place, order + p.kind, size))
            place += size * np.dtype(p.kind).itemsize
    for p in element.properties:
        found = np.concatenate(values[p.name]).astype(p.kind)
        if p.length:
            element.lists[p.name] = found, np.array([len(part) for part in values[p.name]], np.int64)
        else:
            element.columns[p.name] = found
    return place


def take(body: bytes, place: int, kind: str | np.dtype, count: int) -> np.ndarray:
    """So many values at a place. ValueError where the file ends before."""
    if count < 0 or place + count * np.dtype(kind).itemsize > len(body):
        raise Unreadable("it is cut off")
    return np.frombuffer(body, kind, count, place)

# SPDX-License-Identifier: GPL-3.0-or-later
"""OBJ with its materials, as Blender reads them: Kd is linear light, vertex colours are sRGB, and a texture is shown as
it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .light import to_srgb
from .parts import Part
from .polygons import triangulate
from .refusal import Unreadable
from .textures import CLAMP, REPEAT, Warn, corner_texels, file_beside, open_texture

PAINT = "#MRGB"  # ZBrush's vertex colours: eight hexadecimal digits for each vertex
OPTIONS = {"-blendu": 1, "-blendv": 1, "-boost": 1, "-mm": 2, "-o": 3, "-s": 3, "-t": 3, "-texres": 1, "-clamp": 1}
OPTIONS |= {"-bm": 1, "-imfchan": 1, "-type": 1, "-cc": 1}  # of textures, and the most words that follow each


@dataclass
class Material:
    """color: sRGB 0..1. texture: a name in the file, "" for none, and how its UV coordinates are changed."""

    color: np.ndarray | None = None
    texture: str = ""
    scale: np.ndarray = field(default_factory=lambda: np.ones(2))
    offset: np.ndarray = field(default_factory=lambda: np.zeros(2))
    clamp: bool = False


@dataclass
class Content:
    """An OBJ's lists: v as floats, polygons as corners (vertex, uv), 0 for the first, and each polygon's material."""

    vertices: list[list[str]] = field(default_factory=list)
    uv: list[list[str]] = field(default_factory=list)
    paint: list[str] = field(default_factory=list)
    corners: list[int] = field(default_factory=list)
    corner_uv: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    used: list[int] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=lambda: {"": 0})
    libraries: list[str] = field(default_factory=list)


def read(path: Path, warn: Warn) -> list[Part]:
    """The file's one part, in OBJ's axes. warn is told which files are missing. ValueError."""
    content = parse(path.read_bytes())
    width = max((len(row) for row in content.vertices), default=0)
    vertices = np.array([row[:3] for row in content.vertices], np.float64).reshape(-1, 3)
    corners, sizes = np.array(content.corners, np.int64), np.array(content.sizes, np.int64)
    places, polygons = triangulate(vertices, corners, sizes)
    faces, used = corners[places], np.array(content.used, np.int64)[polygons]
    own = painted(content) if content.paint else numbers(content, warn) if width >= 6 else None
    materials = read_libraries(path.parent, content.libraries, warn)
    listed = [materials.get(name, Material()) for name in content.names]
    if own is None and not any(material.color is not None or material.texture for material in listed):
        return [Part(vertices, faces)]
    colors, is_painted = np.ones((len(faces), 3, 4)) if own is None else own[faces], own is not None
    uv = np.array([row[:2] for row in content.uv], np.float64).reshape(-1, 2)
    for number, material in enumerate(listed):
        mine = np.flatnonzero(used == number)
        place = np.array(content.corner_uv, np.int64)[places[mine]]
        image = find_texture(path.parent, material.texture, warn) if len(mine) and material.texture else None
        if image is not None and 0 <= place.min() <= place.max() < len(uv):
            wrap = (CLAMP, CLAMP) if material.clamp else (REPEAT, REPEAT)
            moved = uv[place] * material.scale + material.offset
            colors[mine] = corner_texels(image, moved * [1, -1] + [0, 1], wrap)
            is_painted = False
        elif own is None and material.color is not None:
            colors[mine, :, :3] = material.color
    return [Part(vertices, faces, own if is_painted else colors)]


def lines(data: bytes) -> Iterator[str]:
    """Lines of text; one that ends in a backslash goes on in the next."""
    text = data.decode("utf-8", "surrogateescape")
    yield from text.replace("\\\r\n", " ").replace("\\\n", " ").splitlines()


def parse(data: bytes) -> Content:
    """Read an OBJ's lines. ValueError."""
    content, material = Content(), 0
    for line in lines(data):
        word, rest = [*line.split(None, 1), "", ""][:2]
        if word == "v":
            content.vertices.append(rest.split())
        elif word == "vt":
            content.uv.append([*rest.split(), "0"][:2])
        elif word == "f":
            add_polygon(content, rest.split(), material)
        elif word == "usemtl":
            material = content.names.setdefault(rest.strip(), len(content.names))
        elif word == "mtllib":
            content.libraries.append(rest.strip())
        elif word == PAINT:
            content.paint.append(rest.strip())
    if any(len(row) < 3 for row in content.vertices):
        raise Unreadable("it has vertices of fewer than three numbers")
    return content


def add_polygon(content: Content, corners: list[str], material: int) -> None:
    """Add a face line's corners: v, v/vt, v//vn or v/vt/vn; negative numbers count back from the last one read."""
    for corner in corners:
        vertex, _, rest = corner.partition("/")
        uv = rest.partition("/")[0]
        content.corners.append(place_of(vertex, len(content.vertices)))
        content.corner_uv.append(place_of(uv, len(content.uv)) if uv else -1)
    content.sizes.append(len(corners))
    content.used.append(material)


def place_of(number: str, count: int) -> int:
    """The place of an entry in a list of which so many were read, -1 where there is none."""
    value = int(number)
    return value - 1 if value > 0 else max(count + value, -1) if value else -1


def painted(content: Content) -> np.ndarray:
    """ZBrush's colours, sRGB 0..1 (N, 4): mask, red, green and blue; white for vertices without one."""
    data = bytes.fromhex("".join(content.paint))
    rgba = np.ones((len(content.vertices), 4))
    rows = np.frombuffer(data[: len(data) // 4 * 4], np.uint8).reshape(-1, 4)[: len(rgba)]
    rgba[: len(rows), :3] = rows[:, 1:] / 255
    return rgba


def numbers(content: Content, warn: Warn) -> np.ndarray:
    """The colours that follow the coordinates, sRGB 0..1 (N, 4); white for vertices without one."""
    rgba = np.ones((len(content.vertices), 4))
    has = np.array([len(row) >= 6 for row in content.vertices])
    rgb = np.nan_to_num(np.array([row[3:6] for row in content.vertices if len(row) >= 6], np.float64))
    if rgb.max() > 1 and np.array_equal(rgb, np.rint(rgb)):
        warn("The mesh's colours exceed 1: 255 is taken for full.")
        rgb = rgb / 255
    rgba[has, :3] = np.clip(rgb, 0, 1)
    return rgba


def read_libraries(folder: Path, names: list[str], warn: Warn) -> dict[str, Material]:
    """The materials of the material files, by name."""
    materials: dict[str, Material] = {}
    for name in names:
        whole = file_beside(folder, name) or file_beside(folder, last_part(name))
        files = [whole] if whole else [file_beside(folder, word) for word in name.split()]
        if None in files or not files:
            warn(f"The material file {name[:80]!r} is not in the mesh's folder.")
        for file in files:
            if file is not None:
                materials |= read_materials(file.read_bytes())
    return materials


def read_materials(data: bytes) -> dict[str, Material]:
    """The materials of one file, by name."""
    materials: dict[str, Material] = {}
    current = Material()
    for line in lines(data):
        words = line.split()
        if len(words) < 2:
            continue
        word, rest = words[0].lower(), line.split(None, 1)[1].strip()
        if word == "newmtl":
            current = materials[rest] = Material()
        elif word == "kd" and is_numbers(words[1:4]):
            rgb = np.array((words[1:4] * 3)[:3], np.float64)  # one number stands for all three
            current.color = to_srgb(rgb)
        elif word == "map_kd":
            set_texture(current, rest)
    return materials


def set_texture(material: Material, text: str) -> None:
    """Set a material's texture from the options and the name that follow map_Kd."""
    words = text.split()
    while words and words[0].lower() in OPTIONS:
        option = words.pop(0).lower()
        values = []
        while words and len(values) < OPTIONS[option] and (is_numbers(words[:1]) or (not values and len(words) > 1)):
            values.append(words.pop(0))
            if not is_numbers(values[-1:]):
                break
        if option in ("-o", "-s") and is_numbers(values):
            pair = np.array((values + ["0" if option == "-o" else "1"] * 2)[:2], np.float64)
            material.scale, material.offset = (pair, material.offset) if option == "-s" else (material.scale, pair)
        elif option == "-clamp":
            material.clamp = values == ["on"]
    start = text.find(words[0]) if words else len(text)
    material.texture = " ".join(words) if "  " not in text[start:] else text[start:]


def is_numbers(words: list[str]) -> bool:
    """Whether there are words and all are numbers."""
    try:
        return bool([float(word) for word in words])
    except ValueError:
        return False


def last_part(name: str) -> str:
    """The file's name alone, of a path of any system."""
    return name.replace("\\", "/").rpartition("/")[2]


def find_texture(folder: Path, name: str, warn: Warn) -> np.ndarray | None:
    """The texels of a texture at its place, or by its name alone in the mesh's folder; None, and a warning, where it is
    not there."""
    file = file_beside(folder, name) or file_beside(folder, last_part(name))
    if file is None:
        warn(f"The texture {name[:80]!r} is not in the mesh's folder.")
        return None
    return open_texture(file.read_bytes())

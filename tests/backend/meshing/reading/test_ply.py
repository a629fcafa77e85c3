# SPDX-License-Identifier: GPL-3.0-or-later
"""PLY files of every kind of number and byte order, whose colours are known."""

import struct
from pathlib import Path

import numpy as np
import pytest

from backend.meshing.files import MeshFileError, load
from backend.rendering.mesh import Mesh
from tests.support.gltf_files import png

SQUARE = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]
CODES = {
    "uchar": "B",
    "ushort": "H",
    "float": "f",
    "double": "d",
    "int": "i",
    "uint8": "B",
    "float32": "f",
    "char": "b",
}
ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
EACH_ORDER = pytest.mark.parametrize("form", ORDERS)


def write(path: Path, form: str, elements: list[tuple[str, list[str], list[list]]], comment: str = "") -> None:
    """Elements (name, properties, rows); a property is "TYPE NAME" or "list TYPE TYPE NAME", its value then a list."""
    header, body = f"ply\nformat {form} 1.0\n{comment}", b""
    for name, properties, rows in elements:
        header += f"element {name} {len(rows)}\n" + "".join(f"property {line}\n" for line in properties)
        for row in rows:
            for line, value in zip(properties, row, strict=True):
                words = line.split()
                values = list(value) if words[0] == "list" else [value]
                kinds = [words[1]] + [words[2]] * len(values) if words[0] == "list" else [words[0]]
                values = [len(values), *values] if words[0] == "list" else values
                if form == "ascii":
                    body += " ".join(map(str, values)).encode() + b" "
                else:
                    body += struct.pack(ORDERS[form] + "".join(CODES[kind] for kind in kinds), *values)
            body += b"\n" if form == "ascii" else b""
    path.write_bytes(header.encode() + b"end_header\n" + body)


AXES = ["float x", "float y", "float z"]
INDICES = "list uchar int vertex_indices"


def read(tmp_path: Path, form: str, elements, comment: str = "") -> Mesh:
    write(tmp_path / "a.ply", form, elements, comment)
    return load(tmp_path / "a.ply")


@EACH_ORDER
@pytest.mark.parametrize(
    ("kind", "stored"),
    [
        ("uchar", (255, 128, 60)),
        ("uint8", (255, 128, 60)),
        ("ushort", (65535, 128 * 257, 60 * 257)),
        ("float", (1.0, 128 / 255, 60 / 255)),
        ("double", (1.0, 128 / 255, 60 / 255)),
        ("int", (255, 128, 60)),
        ("float", (255.0, 128.0, 60.0)),
    ],
)
@pytest.mark.parametrize("names", ["red green blue", "r g b", "diffuse_red diffuse_green diffuse_blue"])
def test_vertex_colors_are_srgb_of_any_type(form, kind, stored, names, tmp_path):
    columns = AXES + [f"{kind} {name}" for name in names.split()]
    rows = [[*place, *stored] for place in SQUARE[:3]]
    mesh = read(tmp_path, form, [("vertex", columns, rows), ("face", [INDICES], [[[0, 1, 2]]])])
    assert (mesh.vertex_colors == [255, 128, 60, 255]).all()
    assert mesh.vertices.tolist() == [list(map(float, place)) for place in SQUARE[:3]]


@EACH_ORDER
def test_colors_of_faces_stay_with_their_faces(form, tmp_path):
    """A quad and two triangles that share its corners."""
    colors = [f"uchar {name}" for name in ("red", "green", "blue", "alpha")]
    faces = [[[0, 1, 2, 3], 255, 0, 9, 255], [[0, 2, 4], 0, 200, 9, 100], [[2, 3, 4], 0, 200, 9, 100]]
    rows = [[*place] for place in [*SQUARE, (0, 0, 1)]]
    mesh = read(tmp_path, form, [("vertex", AXES, rows), ("face", [INDICES, *colors], faces)])
    seen = mesh.vertex_colors[mesh.faces]
    assert len(mesh.faces) == 4 and len(mesh.vertices) == 5 + 3
    assert (seen[:2] == [255, 0, 9, 255]).all() and (seen[2:] == [0, 200, 9, 100]).all()


@EACH_ORDER
def test_unknown_elements_and_properties_are_passed_over(form, tmp_path):
    elements = [
        ("camera", ["list uchar float view", "double f"], [[[1, 2, 3], 0.5], [[], 1.5]]),
        ("vertex", ["list uchar char tags", *AXES, "double quality"], [[[1] * i, *SQUARE[i], 0.5] for i in range(3)]),
        ("face", ["uchar flags", "list uchar int vertex_index"], [[3, [0, 1, 2]]]),
        ("edge", ["int vertex1", "int vertex2"], [[0, 1]]),
    ]
    mesh = read(tmp_path, form, elements)
    assert mesh.vertices[:, :2].tolist() == [[0, 0], [1, 0], [1, 1]] and mesh.faces.tolist() == [[0, 1, 2]]


@EACH_ORDER
def test_strips_of_triangles(form, tmp_path):
    elements = [
        ("vertex", AXES, [*map(list, SQUARE)]),
        ("tristrips", ["list int int vertex_indices"], [[[0, 1, 3, 2, -1, 0, 1, 2]]]),
    ]
    assert read(tmp_path, form, elements).faces.tolist() == [[0, 1, 3], [2, 3, 1], [0, 1, 2]]


@pytest.mark.parametrize("of_faces", [False, True])
def test_a_texture_that_a_comment_names(of_faces, tmp_path):
    """v is up: the lower half of the square shows the picture's last row."""
    rows = np.array([[[255, 0, 0]], [[0, 0, 255]]])
    (tmp_path / "my skin.png").write_bytes(png(rows))
    uv = [(0.0, 0.0), (1.0, 0.0), (1.0, 0.5), (0.0, 0.5)]
    if of_faces:
        flat = [number for pair in uv for number in pair]
        elements = [
            ("vertex", AXES, [*map(list, SQUARE)]),
            ("face", [INDICES, "list uchar float texcoord"], [[[0, 1, 2, 3], flat]]),
        ]
    else:
        vertices = [[*place, *pair] for place, pair in zip(SQUARE, uv, strict=True)]
        elements = [("vertex", [*AXES, "float s", "float t"], vertices), ("face", [INDICES], [[[0, 1, 2, 3]]])]
    mesh = read(tmp_path, "ascii", elements, "comment TextureFile my skin.png\n")
    assert (mesh.vertex_colors == [0, 0, 255, 255]).all()


def test_lines_may_end_as_on_any_system(tmp_path):
    write(tmp_path / "a.ply", "ascii", [("vertex", AXES, [*map(list, SQUARE)]), ("face", [INDICES], [[[0, 1, 2]]])])
    text = (tmp_path / "a.ply").read_bytes()
    for end in (b"\r\n", b"\r"):
        (tmp_path / "b.ply").write_bytes(text.replace(b"\n", end))
        assert load(tmp_path / "b.ply").faces.tolist() == [[0, 1, 2]]


def test_vertices_that_are_no_numbers_count_only_where_faces_use_them(tmp_path):
    vertices = [[0, 0, 0], ["nan", 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, "inf"]]
    mesh = read(tmp_path, "ascii", [("vertex", AXES, vertices), ("face", [INDICES], [[[0, 2, 3]]])])
    assert mesh.vertices.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]] and mesh.faces.tolist() == [[0, 1, 2]]
    with pytest.raises(MeshFileError, match="no numbers"):
        read(tmp_path, "ascii", [("vertex", AXES, vertices), ("face", [INDICES], [[[0, 1, 3]]])])


VERTICES = ("vertex", AXES, [*map(list, SQUARE)])


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ([VERTICES], "points and no faces"),
        ([VERTICES, ("face", [INDICES], [])], "points and no faces"),
        ([VERTICES, ("face", [INDICES], [[[0, 1]]])], "points and no faces"),
        ([VERTICES, ("face", [INDICES], [[[0, 1, 7]]])], "not there"),
        ([VERTICES, ("face", [INDICES], [[[0, 1, -1]]])], "not there"),
        ([VERTICES, ("face", [INDICES], [[[0, 0, 1]]])], "has an area"),
        ([("vertex", AXES, [[i, i, i] for i in range(3)]), ("face", [INDICES], [[[0, 1, 2]]])], "has an area"),
        ([("vertex", AXES, []), ("face", [INDICES], [])], "no faces"),
        ([("face", [INDICES], [])], "no vertices"),
        ([("vertex", AXES[:2], [[0, 0]])], "no vertices"),
    ],
)
@EACH_ORDER
def test_what_is_no_mesh_is_named(elements, words, form, tmp_path):
    with pytest.raises(MeshFileError, match=words) as caught:
        read(tmp_path, form, elements)
    assert caught.value.kind == "input"


@EACH_ORDER
def test_a_file_that_ends_early_is_refused(form, tmp_path):
    faces = ("face", [INDICES], [[[0, 1, 2]], [[0, 1, 2, 3]]])
    write(tmp_path / "a.ply", form, [VERTICES, faces])
    whole = (tmp_path / "a.ply").read_bytes()
    for length in range(len(whole) - 4):
        (tmp_path / "a.ply").write_bytes(whole[:length])
        with pytest.raises(MeshFileError):
            load(tmp_path / "a.ply")


@pytest.mark.parametrize("old, new", [(b"vertex 4", b"vertex 4000000000000"), (b"face 1", b"face 999999999999")])
@EACH_ORDER
def test_a_header_that_promises_too_much_is_refused(old, new, form, tmp_path):
    write(tmp_path / "a.ply", form, [VERTICES, ("face", [INDICES], [[[0, 1, 2]]])])
    (tmp_path / "a.ply").write_bytes((tmp_path / "a.ply").read_bytes().replace(old, new))
    with pytest.raises(MeshFileError, match="cut off"):
        load(tmp_path / "a.ply")

# SPDX-License-Identifier: GPL-3.0-or-later
"""Mesh files of every kind that is read, and meshes as they travel between Blender and the backend."""

from __future__ import annotations

import io
import json
import struct
from functools import cache, partial
from pathlib import Path
from random import Random

import numpy as np
import trimesh
from PIL import Image

from addon.base import arrays
from backend.meshing.files import MeshFileError, load, unpack
from backend.process.codec import pack
from backend.rendering.mesh import Mesh
from tests.fuzzing.archives import mutate_npz
from tests.fuzzing.format import Files, Format
from tests.fuzzing.mutations import dump, mutate_bytes, mutate_json, mutate_text

MATERIALS = b"newmtl red\nKd 0.8 0.2 0\nd 1\nmap_Kd a.png\nnewmtl blue\nKd 0 0.4 1\n"
OBJ = b"""mtllib a.mtl
o one
v 0 0 0 1 0 0
v 1 0 0 0 1 0
v 0 1 0 0 0 1
v 0 0 1 1 1 1
vt 0 0
vt 1 0
vt 0 1
vn 0 0 1
usemtl red
f 1/1/1 2/2/1 3/3/1
usemtl blue
f 1 3 4
f -4 -3 -2 -1
"""
PLY = b"""ply
format ascii 1.0
element vertex 4
property float x
property float y
property float z
property uchar red
property uchar green
property uchar blue
element face 2
property list uchar int vertex_indices
end_header
0 0 0 255 0 0
1 0 0 0 255 0
0 1 0 0 0 255
0 0 1 255 255 255
3 0 1 2
3 0 2 3
"""


def tetrahedron() -> trimesh.Trimesh:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float)
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    return trimesh.Trimesh(vertices, faces, vertex_colors=np.arange(16).reshape(4, 4) * 15, process=False)


@cache
def seeds(kind: str) -> list[bytes]:
    """Sound files of a kind."""
    shape = tetrahedron()
    if kind == "obj":
        return [OBJ, shape.export(file_type="obj").encode()]  # pyright: ignore[reportAttributeAccessIssue]
    if kind == "ply":
        return [PLY, shape.export(file_type="ply"), shape.export(file_type="ply", encoding="ascii")]  # pyright: ignore
    if kind == "stl":
        return [shape.export(file_type="stl"), shape.export(file_type="stl_ascii").encode()]  # pyright: ignore
    textured = tetrahedron()
    image = Image.fromarray(np.full((16, 16, 3), 99, np.uint8))
    textured.visual = trimesh.visual.TextureVisuals(
        np.eye(4)[:, :2], material=trimesh.visual.material.PBRMaterial(baseColorTexture=image)
    )
    turned = trimesh.Scene()
    turned.add_geometry(shape, transform=trimesh.transformations.rotation_matrix(1, [1, 2, 3]))
    turned.add_geometry(shape, transform=np.diag([-1.0, 1, 1, 1]))
    return [shape.export(file_type="glb"), textured.export(file_type="glb"), turned.export(file_type="glb")]  # pyright: ignore


def mutate_glb(rng: Random, data: bytes) -> bytes:
    """Changes to the JSON of a glTF, with the right lengths around it."""
    (length,) = struct.unpack_from("<I", data, 12)
    tree, rest = json.loads(data[20 : 20 + length]), data[20 + length :]
    if rng.random() < 0.1:
        tree["buffers"][0]["uri"] = rng.choice(("../a.bin", "//host/share/a", "data:,a", "data:base64,!"))
    text = dump(rng, mutate_json(rng, tree))
    text += b" " * (-len(text) % 4)
    chunk = struct.pack("<I", len(text)) + data[16:20] + text
    return data[:8] + struct.pack("<I", 12 + len(chunk) + len(rest)) + chunk + rest


def make(kind: str, rng: Random) -> Files:
    data = rng.choice(seeds(kind))
    if kind == "glb":
        is_tree = rng.random() < 0.7
        return {"a.glb": mutate_glb(rng, data) if is_tree else mutate_bytes(rng, data, [(8, 4), (12, 4), (16, 4)])}
    if kind == "obj":
        files = {"a.obj": data, "a.mtl": MATERIALS}
        name = rng.choice(("a.obj", "a.obj", "a.mtl"))
        return files | {name: mutate_text(rng, files[name])}
    is_text = data.startswith((b"ply\nformat ascii", b"solid")) or (kind == "ply" and rng.random() < 0.3)
    fields = [(80, 4)] if kind == "stl" else []
    return {f"a.{kind}": mutate_text(rng, data) if is_text else mutate_bytes(rng, data, fields)}


def prepare(folder: Path) -> None:
    Image.new("RGB", (16, 16), "red").save(folder / "a.png")


def check_mesh(mesh: Mesh) -> None:
    count = len(mesh.vertices)
    assert mesh.vertices.dtype == np.float32 and mesh.vertices.shape == (count, 3) and np.isfinite(mesh.vertices).all()
    assert mesh.faces.dtype == np.int32 and len(mesh.faces) and mesh.faces.min() >= 0 and mesh.faces.max() < count
    assert mesh.vertex_colors.dtype == np.uint8 and mesh.vertex_colors.shape == (count, 4)


def read(kind: str, folder: Path) -> None:
    check_mesh(load(folder / f"a.{kind}"))


def packed(rng: Random) -> bytes:
    shape = tetrahedron()
    mesh = {"vertices": shape.vertices.astype(np.float32), "faces": shape.faces.astype(np.int32)}
    mesh["vertex_colors"] = np.full((4, 4), 9, np.uint8)
    if rng.random() < 0.5:
        stream = io.BytesIO()
        Image.new("RGB", (16, 16), "red").save(stream, "PNG")
        mesh |= {"uv": np.zeros((4, 3, 2), np.float32), "texture": np.frombuffer(stream.getvalue(), np.uint8)}
    return pack(mesh)


def make_packed(rng: Random) -> Files:
    return {"a": mutate_npz(rng, packed(rng))}


def read_packed(folder: Path) -> None:
    check_mesh(unpack((folder / "a").read_bytes()))


def read_in_blender(folder: Path) -> None:
    mesh = arrays.decode_mesh((folder / "a").read_bytes())
    check_mesh(Mesh(mesh.vertices, mesh.faces if len(mesh.faces) else np.zeros((1, 3), int), mesh.colors))
    assert mesh.uv is None or (mesh.uv.shape == (len(mesh.faces), 3, 2) and np.isfinite(mesh.uv).all())


def make_views(rng: Random) -> Files:
    return {"a": mutate_npz(rng, pack({"views": np.full((3, 16, 16, 4), 200, np.uint8)}))}


def read_views(folder: Path) -> None:
    sheet = arrays.contact_sheet(arrays.decode_views((folder / "a").read_bytes()))
    assert sheet.dtype == np.uint8 and sheet.ndim == 3 and 0 < max(sheet.shape[:2]) <= arrays.SHEET_PIXELS


MESHES = (
    *(
        Format(kind, partial(make, kind), partial(read, kind), (MeshFileError,), prepare)
        for kind in ("ply", "glb", "obj", "stl")
    ),
    Format("packed mesh", make_packed, read_packed, (MeshFileError,)),
    Format("mesh for Blender", make_packed, read_in_blender, (ValueError,), is_shown=False),
    Format("views for Blender", make_views, read_views, (ValueError,), is_shown=False),
)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of meshes with a texture: .glb, which holds it, and .obj, with a material and a picture beside it.

glTF has one UV coordinate a vertex, so there the vertices along seams are doubled; OBJ counts both apart.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from ..rendering.mesh import Mesh

MATERIAL_FILE = "newmtl Image_to_Mesh\nKd 1 1 1\nKs 0 0 0\nmap_Kd {picture}\n"


def encode_texture(texture: np.ndarray) -> bytes:
    """uint8 (H, W, 4) -> PNG, without alpha."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(texture[..., :3])).save(stream, "PNG", compress_level=3)
    return stream.getvalue()


def split_seams(mesh: Mesh, uv: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices once for every UV coordinate that they have: which vertex each is (K,), its UV (K, 2), faces (M, 3)."""
    keys = np.concatenate([mesh.faces.reshape(-1, 1).astype(np.float64), uv.reshape(-1, 2)], 1)
    unique, corner = np.unique(keys, axis=0, return_inverse=True)
    return unique[:, 0].astype(np.int64), unique[:, 1:].astype(np.float32), corner.reshape(-1, 3)


def encode_glb(mesh: Mesh, vertices: np.ndarray, normals: np.ndarray, material: dict[str, Any]) -> bytes:
    """vertices and normals (N, 3): the mesh's, as the file wants them. material: as in glTF, without the texture."""
    import trimesh
    from PIL import Image
    from trimesh.visual import TextureVisuals
    from trimesh.visual.material import PBRMaterial

    assert mesh.uv is not None and mesh.texture is not None
    of, uv, faces = split_seams(mesh, mesh.uv)
    surface = PBRMaterial(
        material["name"],
        baseColorTexture=Image.open(io.BytesIO(encode_texture(mesh.texture))),
        **material["pbrMetallicRoughness"],
    )
    shape = trimesh.Trimesh(
        vertices[of],
        faces,
        vertex_normals=normals[of],
        process=False,
        visual=TextureVisuals(uv, material=surface),
    )
    return bytes(shape.export(file_type="glb", include_normals=True))  # pyright: ignore[reportArgumentType]


def encode_obj(mesh: Mesh, vertices: np.ndarray, path: Path) -> dict[Path, bytes]:
    """The files' bytes: picture, material, and the mesh, with vertex colours too. What lies beside `path` under the
    names that the picture and the material would have stays; they take others."""
    assert mesh.uv is not None and mesh.texture is not None
    picture, material = free(path.with_name(f"{path.stem}_texture.png")), free(path.with_suffix(".mtl"))
    uv, corner = np.unique(mesh.uv.reshape(-1, 2), axis=0, return_inverse=True)
    faces = np.stack([mesh.faces + 1, corner.reshape(-1, 3) + 1], 2).reshape(-1, 6)
    text = "\n".join(
        chain(
            [f"mtllib {material.name}", "usemtl Image_to_Mesh"],
            lines("v %.7g %.7g %.7g %.6g %.6g %.6g", np.concatenate([vertices, mesh.vertex_colors[:, :3] / 255], 1)),
            lines("vt %.7g %.7g", uv),
            lines("f %d/%d %d/%d %d/%d", faces),
        )
    )
    return {
        picture: encode_texture(mesh.texture),
        material: MATERIAL_FILE.format(picture=picture.name).encode(),
        path: f"{text}\n".encode(),
    }


def lines(form: str, rows: np.ndarray) -> Iterable[str]:
    return (form % tuple(row) for row in rows.tolist())


def free(path: Path) -> Path:
    """The path, or one like it where nothing lies yet."""
    number, wanted = 2, path
    while path.exists():
        path = wanted.with_name(f"{wanted.stem}_{number}{wanted.suffix}")
        number += 1
    return path

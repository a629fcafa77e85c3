# SPDX-License-Identifier: GPL-3.0-or-later
"""Mesh files with a texture: .glb embeds it, .obj has a material file and an image beside it.

glTF has one UV coordinate per vertex, so vertices along seams are duplicated; OBJ indexes both separately.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from ..rendering.mesh import Mesh

MATERIAL_FILE = "newmtl Image_to_Mesh\nKd 1 1 1\nKs 0 0 0\nmap_Kd {image}\n"


def encode_texture(texture: np.ndarray) -> bytes:
    """Texture uint8 (H, W, 4) -> PNG without alpha."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(texture[..., :3])).save(stream, "PNG", compress_level=3)
    return stream.getvalue()


def split_seams(mesh: Mesh, uv: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Duplicate vertices along UV seams -> original vertex (K,) and UV (K, 2) of each, and faces (M, 3)."""
    keys = np.concatenate([mesh.faces.reshape(-1, 1).astype(np.float64), uv.reshape(-1, 2)], 1)
    unique, corner = np.unique(keys, axis=0, return_inverse=True)
    return unique[:, 0].astype(np.int64), unique[:, 1:].astype(np.float32), corner.reshape(-1, 3)


def encode_glb(mesh: Mesh, vertices: np.ndarray, normals: np.ndarray, material: dict[str, Any]) -> bytes:
    """Encode as glTF binary with vertices and normals (N, 3) in glTF's axes. material: glTF's, without the texture."""
    import trimesh
    from PIL import Image
    from trimesh.visual import TextureVisuals
    from trimesh.visual.material import PBRMaterial

    assert mesh.uv is not None and mesh.texture is not None
    vertex, uv, faces = split_seams(mesh, mesh.uv)
    surface = PBRMaterial(
        material["name"],
        baseColorTexture=Image.open(io.BytesIO(encode_texture(mesh.texture))),
        **material["pbrMetallicRoughness"],
    )
    shape = trimesh.Trimesh(
        vertices[vertex],
        faces,
        vertex_normals=normals[vertex],
        process=False,
        visual=TextureVisuals(uv, material=surface),
    )
    return bytes(shape.export(file_type="glb", include_normals=True))  # pyright: ignore[reportArgumentType]


def encode_obj(mesh: Mesh, vertices: np.ndarray, path: Path) -> dict[Path, bytes]:
    """Encode the image, the material and the mesh, with vertex colours -> bytes by path.

    Existing files beside `path` are not overwritten: image and material then take other names.
    """
    assert mesh.uv is not None and mesh.texture is not None
    image = unused_path(path.with_name(f"{path.stem}_texture.png"))
    material = unused_path(path.with_suffix(".mtl"))
    uv, corner = np.unique(mesh.uv.reshape(-1, 2), axis=0, return_inverse=True)
    faces = np.stack([mesh.faces + 1, corner.reshape(-1, 3) + 1], 2).reshape(-1, 6)
    text = "\n".join(
        chain(
            [f"mtllib {material.name}", "usemtl Image_to_Mesh"],
            rows("v %.7g %.7g %.7g %.6g %.6g %.6g", np.concatenate([vertices, mesh.vertex_colors[:, :3] / 255], 1)),
            rows("vt %.7g %.7g", uv),
            rows("f %d/%d %d/%d %d/%d", faces),
        )
    )
    return {
        image: encode_texture(mesh.texture),
        material: MATERIAL_FILE.format(image=image.name).encode(),
        path: f"{text}\n".encode(),
    }


def rows(template: str, values: np.ndarray) -> Iterable[str]:
    """One formatted line per row of values (R, C)."""
    return (template % tuple(row) for row in values.tolist())


def unused_path(path: Path) -> Path:
    """The path, with a number appended to its stem if it exists."""
    number = 2
    original = path
    while path.exists():
        path = original.with_name(f"{original.stem}_{number}{original.suffix}")
        number += 1
    return path

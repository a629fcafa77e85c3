# SPDX-License-Identifier: GPL-3.0-or-later
"""Mesh files with a texture: .glb embeds it, .obj has a material file and an image beside it.

glTF has one UV coordinate per vertex, so vertices along seams are duplicated; OBJ indexes both separately.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np

from ..interface.files import shortened, write_whole
from ..rendering.mesh import Mesh

MATERIAL_FILE = "newmtl Image_to_Mesh\nKd 1 1 1\nKs 0 0 0\nmap_Kd {image}\n"
SHORT_NAME = 128  # bytes, which every disk allows


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


def write_obj(mesh: Mesh, vertices: np.ndarray, path: Path) -> None:
    """Write the image, the material and the mesh, with vertex colours, vertices (N, 3) in OBJ's axes. OSError.

    Existing files beside `path` are not overwritten: image and material take other names. On failure neither stays.
    """
    assert mesh.uv is not None and mesh.texture is not None
    with new_beside(path, "_texture", ".png") as image, new_beside(path, "", ".mtl") as material:
        write_whole(image, encode_texture(mesh.texture))
        write_whole(material, MATERIAL_FILE.format(image=image.name).encode())
        write_whole(path, encode_obj(mesh, mesh.uv, vertices, material.name))


def encode_obj(mesh: Mesh, uv: np.ndarray, vertices: np.ndarray, material: str) -> bytes:
    """The mesh as OBJ, with UV coordinates (M, 3, 2) and the name of its material file."""
    texture, corner = np.unique(uv.reshape(-1, 2), axis=0, return_inverse=True)
    faces = np.stack([mesh.faces + 1, corner.reshape(-1, 3) + 1], 2).reshape(-1, 6)
    text = "\n".join(
        chain(
            [f"mtllib {material}", "usemtl Image_to_Mesh"],
            rows("v %.7g %.7g %.7g %.6g %.6g %.6g", np.concatenate([vertices, mesh.vertex_colors[:, :3] / 255], 1)),
            rows("vt %.7g %.7g", texture),
            rows("f %d/%d %d/%d %d/%d", faces),
        )
    )
    return f"{text}\n".encode()


def rows(template: str, values: np.ndarray) -> Iterable[str]:
    """One formatted line per row of values (R, C)."""
    return (template % tuple(row) for row in values.tolist())


@contextmanager
def new_beside(path: Path, tail: str, ending: str) -> Iterator[Path]:
    """An empty new file beside a mesh's, named after it and numbered where that name is taken. It is removed again if
    what follows fails. OSError."""
    for number in count(1):
        new = beside(path, f"{tail}{f'_{number}' if number > 1 else ''}{ending}")
        with suppress(FileExistsError):
            new.open("xb").close()
            break
    try:
        yield new
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def beside(path: Path, ending: str) -> Path:
    """A name for a file beside the mesh's at `path`, which every reader of OBJ can follow: no characters that mean
    something there or that are none, and not longer than the mesh's own name, unless that is short."""
    stem = re.sub(r"^[\s-]+|[^\w .()+,=@~-]", "_", path.stem)
    longest = max(len(os.fsencode(path.name)), SHORT_NAME) - len(ending)
    return path.with_name(shortened(stem, longest) + ending)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrays in the attachments of frames: npz in and out. numpy only, never bpy, so that threads may call it."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from . import thumbnail

SHEET_PIXELS = 512  # longest side of the contact sheet of the generated views
TEXTURE_PIXELS = 16_384  # longest side of a texture that Blender can hold
CHECKER_PIXELS, CHECKER_GREYS = 16, (76, 102)
BACKDROP = 0.19  # sRGB grey behind transparent pixels, near the colour of Blender's panels


@dataclass(frozen=True)
class MeshArrays:
    """vertices float32 (N, 3), faces int32 (M, 3), colors uint8 (N, 4) sRGB, all C-contiguous; with a texture also uv
    float32 (M, 3, 2) and the bytes of a PNG. Of a changed mesh: the old face on which each face lies, int32 (M,), and
    the places of its corners there, barycentric float32 (M, 3, 3)."""

    vertices: np.ndarray
    faces: np.ndarray
    colors: np.ndarray
    uv: np.ndarray | None = None
    texture: bytes = b""
    origin_face: np.ndarray | None = None
    origin_weights: np.ndarray | None = None

    @cached_property
    def topology(self) -> tuple[np.ndarray, np.ndarray]:
        """Edges int32 (E, 2), and for every corner the edge to the next one of its triangle, int32 (3 M,)."""
        ends = np.sort(np.stack([self.faces, np.roll(self.faces, -1, axis=1)], -1).reshape(-1, 2), axis=1)
        keys, corner_edges = np.unique(ends.astype(np.int64) @ [1 << 32, 1], return_inverse=True)
        edges = np.stack([keys >> 32, keys & 0xFFFFFFFF], -1)
        return np.ascontiguousarray(edges, np.int32), np.ascontiguousarray(corner_edges.reshape(-1), np.int32)

    def moved(self, vertices: np.ndarray) -> MeshArrays:
        """The mesh with its vertices elsewhere. What was found out about its faces is kept."""
        new = replace(self, vertices=vertices)
        vars(new)["topology"] = self.topology
        return new

    @cached_property
    def thumbnail(self) -> str:
        """A small picture of the mesh, as `thumbnail.encode` gives it."""
        return thumbnail.encode(thumbnail.paint(self.vertices, self.faces, self.colors))


def decode_mesh(data: bytes) -> MeshArrays:
    """Read an npz with `vertices`, `faces`, `vertex_colors`, and perhaps `uv` and `texture`; ValueError when they do
    not fit together.

    Blender crashes on an index outside the vertices, so nothing unchecked may pass.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            vertices = np.ascontiguousarray(file["vertices"], np.float32)
            faces = np.ascontiguousarray(file["faces"], np.int32)
            colors = np.ascontiguousarray(file["vertex_colors"], np.uint8)
            uv = np.ascontiguousarray(file["uv"], np.float32) if "uv" in file else None
            texture = np.asarray(file["texture"], np.uint8).tobytes() if "texture" in file else b""
            origin = read_origin(file, len(faces))
    except Exception as error:  # np.load raises whatever zipfile, struct or the header parser raise
        raise ValueError(f"the mesh cannot be read ({error})") from error
    count = len(vertices)
    if vertices.shape != (count, 3) or faces.ndim != 2 or faces.shape[1] != 3 or colors.shape != (count, 4):
        raise ValueError(f"the mesh has arrays of shape {vertices.shape}, {faces.shape}, {colors.shape}")
    if len(faces) == 0:
        raise ValueError("the mesh is empty")
    if faces.min() < 0 or faces.max() >= count or not np.isfinite(vertices).all():
        raise ValueError("the mesh has faces or positions out of range")
    if uv is not None:
        check_texture(uv, texture, len(faces))
    keep = distinct(faces)
    by_face = [part if part is None else part[keep] for part in (uv, *origin)]
    mesh = MeshArrays(vertices, faces[keep], colors, by_face[0], texture, *by_face[1:])
    _ = mesh.topology, mesh.thumbnail  # computed here, in the caller's thread
    return mesh


def read_origin(file: np.lib.npyio.NpzFile, faces: int) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The origin of that many faces in an npz, None where it has none; ValueError when they do not fit together."""
    if "origin_face" not in file:
        return None, None
    face = np.ascontiguousarray(file["origin_face"], np.int32)
    weights = np.ascontiguousarray(file["origin_weights"], np.float32)
    if face.shape != (faces,) or weights.shape != (faces, 3, 3) or not np.isfinite(weights).all():
        raise ValueError(f"the origin of {faces} faces has arrays of shape {face.shape}, {weights.shape}")
    return face, weights


def encode_mesh(vertices: np.ndarray, faces: np.ndarray, colors: np.ndarray) -> bytes:
    """The npz that `decode_mesh` and the backend read."""
    stream = io.BytesIO()
    np.savez(stream, vertices=vertices, faces=faces, vertex_colors=colors)
    return stream.getvalue()


def distinct(faces: np.ndarray) -> np.ndarray:
    """Mask (M,) of the triangles with three different vertices. Blender calls a mesh with others invalid."""
    a, b, c = faces.T
    return (a != b) & (b != c) & (c != a)


def check_texture(uv: np.ndarray, texture: bytes, faces: int) -> None:
    """ValueError unless uv has coordinates for that many faces, and the texture is a PNG that Blender can hold."""
    if uv.shape != (faces, 3, 2) or not np.isfinite(uv).all():
        raise ValueError(f"the mesh has UV coordinates of shape {uv.shape}, or out of range")
    sides = int.from_bytes(texture[16:20], "big"), int.from_bytes(texture[20:24], "big")
    if texture[:8] != b"\x89PNG\r\n\x1a\n" or not all(0 < side <= TEXTURE_PIXELS for side in sides):
        raise ValueError("the mesh has a texture that is no PNG, or too large")


def decode_views(data: bytes) -> np.ndarray:
    """Read an npz with `views` uint8 (N, H, W, 4); ValueError when it is something else."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            views = np.asarray(file["views"])
    except Exception as error:
        raise ValueError(f"the views cannot be read ({error})") from error
    if views.ndim != 4 or views.shape[3] != 4 or views.dtype != np.uint8 or 0 in views.shape:
        raise ValueError(f"the views have shape {views.shape} of {views.dtype}")
    return views


def contact_sheet(views: np.ndarray, longest: int = SHEET_PIXELS) -> np.ndarray:
    """N views uint8 (N, H, W, 4) in rows, as one opaque uint8 image, first row on top, no side above `longest`."""
    count, height, width, _ = views.shape
    columns = int(np.ceil(np.sqrt(count * height / width)))
    rows = -(-count // columns)
    step = max(1, -(-max(columns * width, rows * height) // longest))  # of every `step` pixels, one is shown
    while max(columns * -(-width // step), rows * -(-height // step)) > longest:
        step += 1
    small = views[:, ::step, ::step].astype(np.float32) / 255
    height, width = small.shape[1:3]
    cells = np.full((rows * columns, height, width, 3), BACKDROP, np.float32)
    alpha = small[..., 3:]
    cells[:count] = small[..., :3] * alpha + BACKDROP * (1 - alpha)
    sheet = cells.reshape(rows, columns, height, width, 3).swapaxes(1, 2).reshape(rows * height, columns * width, 3)
    opaque = np.full((*sheet.shape[:2], 4), 255, np.uint8)
    opaque[..., :3] = np.rint(sheet * 255)
    return opaque


def on_checker(picture: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 4), straight alpha -> opaque uint8 (H, W, 4) on the grey squares that stand for transparency."""
    row, column = np.indices(picture.shape[:2]) // CHECKER_PIXELS
    grey = np.where((row + column) % 2, *CHECKER_GREYS).astype(np.float32)[..., None]
    alpha = picture[..., 3:].astype(np.float32) / 255
    color = picture[..., :3] * alpha + grey * (1 - alpha)
    return np.concatenate([np.rint(color), np.full((*grey.shape[:2], 1), 255)], -1).astype(np.uint8)


def encode_image(pixels: np.ndarray, is_float: bool) -> bytes:
    """Blender's pixels float32 (H, W, 4), first row at the bottom, as the npz `image` that the backend reads.

    Byte images hold straight sRGB; float images hold premultiplied linear light.
    """
    image = pixels[::-1]
    if is_float:
        alpha = image[..., 3:]
        linear = np.clip(image[..., :3] / np.maximum(alpha, 1e-6), 0, 1)
        srgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
        image = np.concatenate([srgb, alpha], axis=-1)
    stream = io.BytesIO()
    np.savez(stream, image=np.clip(image, 0, 1).astype(np.float32))
    return stream.getvalue()

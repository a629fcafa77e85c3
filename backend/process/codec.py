# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrays, meshes, images and facts as the bytes and JSON of messages and files."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ..engines import ImageResult, MeshResult
    from ..meshing.solid.origin import Origin
    from ..rendering.mesh import Mesh

THUMBNAIL_SIDE = 64  # pixels


def pack(arrays: Mapping[str, np.ndarray]) -> bytes:
    """An npz file's bytes, not compressed: speed matters more than size between two processes."""
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # pyright: ignore[reportArgumentType]
    return stream.getvalue()


def pack_mesh(mesh: Mesh, origin: Origin | None = None) -> bytes:
    """npz of vertices float32 (N, 3), faces int32 (M, 3), vertex_colors uint8 (N, 4); with a texture also of uv float32
    (M, 3, 2) and texture, the bytes of a PNG; with an origin also of its face and weights."""
    arrays = {"vertices": mesh.vertices, "faces": mesh.faces, "vertex_colors": mesh.vertex_colors}
    if mesh.uv is not None and mesh.texture is not None:
        from ..meshing.textured_files import encode_texture

        arrays |= {"uv": mesh.uv, "texture": np.frombuffer(encode_texture(mesh.texture), np.uint8)}
    if origin is not None:
        arrays |= {"origin_face": origin.face, "origin_weights": origin.weights}
    return pack(arrays)


def pack_views(views: np.ndarray) -> bytes:
    """npz of views uint8 (N, H, W, 4)."""
    return pack({"views": views})


def pack_thumbnail(views: np.ndarray) -> bytes:
    """A PNG of the first of some views uint8 (N, H, W, 4), for menus: no side above THUMBNAIL_SIDE."""
    from ..preprocess.image import encode_png

    step = -(-max(views.shape[1:3]) // THUMBNAIL_SIDE)
    return encode_png(views[0, ::step, ::step])


def pack_result(result: MeshResult | ImageResult) -> dict[str, bytes]:
    """The attachments of a result's message: "views" and "mesh", or PNGs "image_file", "image_file_001" and so on."""
    from ..engines import MeshResult

    if isinstance(result, MeshResult):
        return {"views": pack_views(result.views), "mesh": pack_mesh(result.mesh, result.origin)}
    from ..preprocess.image import encode_png

    return {
        "image_file" + (f"_{number:03}" if number else ""): encode_png(image)
        for number, image in enumerate(result.images)
    }


def plain(value: Any) -> Any:
    """A value as JSON can hold it: numpy's numbers become Python's, infinities and NaN become None."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, (str, int, bool, type(None))) else str(value)

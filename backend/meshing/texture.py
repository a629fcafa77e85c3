# SPDX-License-Identifier: GPL-3.0-or-later
"""Texture instead of vertex colours: the mesh is unwrapped by xatlas, and every texel asks for the colour of its place
on the surface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.spatial import KDTree

from ..rendering.mesh import Mesh
from .clean import decimate

Colors = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Points (K, 3) of the surface and unit normals (K, 3) -> sRGB 0..1 (K, 3)."""
Step = Callable[[int, int], None]

NO_TEXTURE = "off"  # of the parameter `texture`, else the side in pixels
MOST_FACES = 40_000  # of a mesh with a texture: what more there is to see lies in the texture
FACES_AT_ONCE = 1_200  # faces unwrapped together: xatlas's time grows faster than their number
MARGIN = 256  # sides of a texture that one texel of distance between two charts is
CHUNK = 1 << 20  # texels looked at at once
NEIGHBOURS = 3  # vertices whose colours mix at a point


class TextureError(RuntimeError):
    """No texture can be made here; `remedy` says what to do."""

    kind = "environment"
    remedy = "Set Texture to off: the colours then lie on the vertices, and Blender can bake them."


def decimate_and_texture(
    mesh: Mesh, parameters: dict[str, Any], colors: Colors | None = None, step: Step | None = None
) -> Mesh:
    """The mesh with at most `max_faces` faces and, where `texture` asks for it, unwrapped and with a texture.

    colors: what the texture shows, the mesh's own vertex colours if None.
    """
    texture, most = parameters.get("texture", NO_TEXTURE), parameters["max_faces"]
    if texture == NO_TEXTURE or not len(mesh.faces):
        return decimate(mesh, most)
    small = decimate(mesh, min(most or MOST_FACES, MOST_FACES))
    return bake(small, int(texture), colors or nearest_vertex_colors(mesh), step)


def check_xatlas() -> None:
    """Raise TextureError, before any work, where no texture can be made."""
    if find_spec("xatlas") is None:  # it has no wheels for Linux on ARM
        raise TextureError("There is no package that unwraps meshes (xatlas) for this computer.")


def nearest_vertex_colors(mesh: Mesh) -> Colors:
    """The colours of a mesh's vertices, mixed by the inverse distance of the nearest ones."""
    tree = KDTree(mesh.vertices)

    def colors(points: np.ndarray, _normals: np.ndarray) -> np.ndarray:
        found = tree.query(points, min(NEIGHBOURS, len(mesh.vertices)))  # pyright: ignore[reportArgumentType]
        distance, vertex = (np.asarray(part).reshape(len(points), -1) for part in found)
        weight = 1 / np.maximum(distance, 1e-9)
        weight = (weight / weight.sum(1, keepdims=True))[..., None]
        return (mesh.vertex_colors[vertex, :3] * weight).sum(1) / 255

    return colors


def bake(mesh: Mesh, side: int, colors: Colors | None = None, step: Step | None = None) -> Mesh:
    """The mesh with `uv` and a `texture` of side x side texels.

    Texels between the charts take the colour of the nearest one in a chart, so that no filter mixes in a background.
    colors: None takes the vertex colours, as they are interpolated over each face. step(done, total) is told how far it
    is.
    """
    step = step or (lambda _done, _total: None)
    step(0, len(mesh.faces))
    uv, normals = unwrap(mesh, side), mesh.vertex_normals
    texture = np.zeros((side * side, 3), np.uint8)
    covered = np.zeros(side * side, bool)
    for texel, face, weight, done in rasterise_uv(uv, side):
        corners = mesh.faces[face]
        if colors is None:
            rgb = blend(mesh.vertex_colors[corners, :3] / np.float32(255), weight)
        else:
            normal = blend(normals[corners], weight)
            normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
            rgb = colors(blend(mesh.vertices[corners], weight), normal)
        texture[texel] = (rgb.clip(0, 1) * 255 + 0.5).astype(np.uint8)
        covered[texel] = True
        step(done, len(uv))
    filled = fill_gutters(texture.reshape(side, side, 3), covered.reshape(side, side))
    opaque = np.full((side, side, 1), 255, np.uint8)
    return Mesh(mesh.vertices, mesh.faces, mesh.vertex_colors, uv, np.concatenate([filled, opaque], 2))


def blend(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """values (K, 3 corners, C) by the corners' weights (K, 3) -> float32 (K, C)."""
    return np.einsum("kic,ki->kc", values, weight.astype(np.float32))


def unwrap(mesh: Mesh, side: int) -> np.ndarray:
    """UV coordinates float32 (M, 3, 2) of every face's corners in 0..1, first to the right, then up; no two faces
    overlap, and charts keep a distance that suits a texture of `side` texels."""
    import xatlas

    pieces = split(mesh.vertices[mesh.faces].mean(1), np.arange(len(mesh.faces)))
    atlas, packing = xatlas.Atlas(), xatlas.PackOptions()
    packing.resolution, packing.padding, packing.bilinear = side, max(2, side // MARGIN), True
    for piece in pieces:
        used, faces = np.unique(mesh.faces[piece], return_inverse=True)
        atlas.add_mesh(mesh.vertices[used], faces.reshape(-1, 3).astype(np.uint32))
    atlas.generate(xatlas.ChartOptions(), packing)
    uv = np.zeros((len(mesh.faces), 3, 2), np.float32)
    for i, piece in enumerate(pieces):
        _, corners, places = atlas.get_mesh(i)
        uv[piece] = places[corners]
    return uv


def split(centres: np.ndarray, faces: np.ndarray) -> list[np.ndarray]:
    """Faces (M,) with their centres (M, 3), halved along their longest side until no part has more than PIECE."""
    if len(faces) <= FACES_AT_ONCE:
        return [faces]
    order = np.argsort(centres[:, np.ptp(centres, axis=0).argmax()], kind="stable")
    parts = order[: len(order) // 2], order[len(order) // 2 :]
    return [piece for part in parts for piece in split(centres[part], faces[part])]


def rasterise_uv(uv: np.ndarray, side: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, int]]:
    """Of a square texture, first row on top, in parts: texels (K,) whose centre lies in a face, row by row; the face
    (K,); its corners' weights (K, 3); and how many faces are done."""
    corners = uv.astype(np.float64) * [side, -side] + [0, side]  # column and row of every corner
    first = np.ceil(corners.min(1) - 0.5).clip(0).astype(np.int64)
    shape = (np.floor(corners.max(1) - 0.5).clip(max=side - 1).astype(np.int64) - first + 1).clip(0)
    count = shape.prod(1)
    part = np.cumsum(count) // CHUNK
    for faces in np.split(np.arange(len(uv)), np.flatnonzero(np.diff(part)) + 1):
        face = np.repeat(faces, count[faces])
        place = np.arange(len(face)) - np.repeat(np.cumsum(count[faces]) - count[faces], count[faces])
        column, row = np.divmod(place, np.maximum(shape[face, 1], 1)) + first[face].T
        a, b, c = corners[face].transpose(1, 0, 2)
        centre = np.stack([column, row], 1) + 0.5
        a, b, c = a - centre, b - centre, c - centre
        areas = np.stack([cross(b, c), cross(c, a), cross(a, b)], 1)
        whole = areas.sum(1, keepdims=True)
        weight = areas / np.where(whole == 0, np.nan, whole)
        hit = (weight >= -1e-9).all(1)
        yield row[hit] * side + column[hit], face[hit], weight[hit], int(faces[-1]) + 1 if len(faces) else 0


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of vectors in the plane (K, 2) -> (K,)."""
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def fill_gutters(texture: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """The texture (S, S, C) with every texel that is not covered (S, S) like the nearest one that is."""
    if not covered.any():
        return texture
    row, column = distance_transform_edt(~covered, return_distances=False, return_indices=True)  # pyright: ignore
    return texture[row, column]

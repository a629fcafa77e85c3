# SPDX-License-Identifier: GPL-3.0-or-later
"""Texture baking: xatlas unwraps the mesh, and every texel takes the colour of its point on the surface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.spatial import KDTree

from ..interface.common_parameters import MeshParameters
from ..rendering.mesh import Mesh
from ..runtime.images import to_bytes
from .clean import decimate

Colors = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Surface points (K, 3) and unit normals (K, 3) -> sRGB 0..1 (K, 3)."""
Step = Callable[[int, int], None]

NO_TEXTURE = "off"  # value of the parameter `texture`, which else is the side in pixels
MAX_TEXTURED_FACES = 40_000  # the texture holds finer detail
FACES_AT_ONCE = 1_200  # unwrapped together; xatlas's time grows faster than linearly
TEXELS_PER_PADDING = 256  # texture side per texel of padding between charts
CHUNK = 1 << 20  # texels rasterised at once
NEIGHBOURS = 3  # vertices whose colours are interpolated at a point


class TextureError(RuntimeError):
    """Textures are unavailable on this computer."""

    kind = "environment"
    remedy = "Set Texture to off: the colours then lie on the vertices, and Blender can bake them."


def decimate_and_texture(
    mesh: Mesh, parameters: MeshParameters, colors: Colors | None = None, step: Step | None = None
) -> Mesh:
    """Decimate to `max_faces` and, unless `texture` is off, bake a texture.

    colors: colours of the texture, by default the mesh's vertex colours. step: called with (done, total) faces.
    """
    texture, max_faces = parameters.texture, parameters.max_faces
    if texture == NO_TEXTURE or not len(mesh.faces):
        return decimate(mesh, max_faces)
    decimated = decimate(mesh, min(max_faces or MAX_TEXTURED_FACES, MAX_TEXTURED_FACES))
    return bake(decimated, int(texture), colors or nearest_vertex_colors(mesh), step)


def check_xatlas() -> None:
    """Raise TextureError if xatlas is missing."""
    if find_spec("xatlas") is None:  # it has no wheels for Linux on ARM, nor for Python 3.14
        raise TextureError("The package that unwraps meshes (xatlas) is not available for this computer.")


def nearest_vertex_colors(mesh: Mesh) -> Colors:
    """A mesh's vertex colours, interpolated by inverse distance between the nearest vertices."""
    tree = KDTree(mesh.vertices)

    def colors(points: np.ndarray, _normals: np.ndarray) -> np.ndarray:
        nearest = tree.query(points, min(NEIGHBOURS, len(mesh.vertices)))  # pyright: ignore[reportArgumentType]
        distance, vertex = (np.asarray(part).reshape(len(points), -1) for part in nearest)
        weight = 1 / np.maximum(distance, 1e-9)
        weight = (weight / weight.sum(1, keepdims=True))[..., None]
        return (mesh.vertex_colors[vertex, :3] * weight).sum(1) / 255

    return colors


def bake(mesh: Mesh, side: int, colors: Colors | None = None, step: Step | None = None) -> Mesh:
    """Unwrap the mesh and bake a texture of side x side texels.

    Texels between the charts take the colour of the nearest texel in a chart, so that filtering mixes in no background.
    colors: by default the vertex colours, interpolated over each face. step: called with (done, total) faces.
    """
    step = step or (lambda _done, _total: None)
    step(0, len(mesh.faces))
    uv = unwrap(mesh, side)
    normals = mesh.vertex_normals
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
        texture[texel] = to_bytes(rgb)
        covered[texel] = True
        step(done, len(uv))
    filled = fill_gutters(texture.reshape(side, side, 3), covered.reshape(side, side))
    opaque = np.full((side, side, 1), 255, np.uint8)
    return Mesh(mesh.vertices, mesh.faces, mesh.vertex_colors, uv, np.concatenate([filled, opaque], 2))


def blend(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Interpolate corner values (K, 3, C) with barycentric weights (K, 3) -> (K, C)."""
    return np.einsum("kic,ki->kc", values, weight.astype(np.float32))


def unwrap(mesh: Mesh, side: int) -> np.ndarray:
    """UV coordinates float32 (M, 3, 2) of the faces' corners in 0..1, u to the right, v up.

    Faces do not overlap, and charts are padded for a texture of `side` texels.
    """
    import xatlas

    pieces = split_faces(mesh.vertices[mesh.faces].mean(1), np.arange(len(mesh.faces)))
    atlas = xatlas.Atlas()
    packing = xatlas.PackOptions()
    packing.resolution = side
    packing.padding = max(2, side // TEXELS_PER_PADDING)
    packing.bilinear = True
    for piece in pieces:
        used, faces = np.unique(mesh.faces[piece], return_inverse=True)
        atlas.add_mesh(mesh.vertices[used], faces.reshape(-1, 3).astype(np.uint32))
    atlas.generate(xatlas.ChartOptions(), packing)
    uv = np.zeros((len(mesh.faces), 3, 2), np.float32)
    for i, piece in enumerate(pieces):
        _, corners, coordinates = atlas.get_mesh(i)
        uv[piece] = coordinates[corners]
    return uv


def split_faces(centres: np.ndarray, faces: np.ndarray) -> list[np.ndarray]:
    """Halve faces (M,) with centres (M, 3) along their longest side until no part exceeds FACES_AT_ONCE."""
    if len(faces) <= FACES_AT_ONCE:
        return [faces]
    order = np.argsort(centres[:, np.ptp(centres, axis=0).argmax()], kind="stable")
    parts = order[: len(order) // 2], order[len(order) // 2 :]
    return [piece for part in parts for piece in split_faces(centres[part], faces[part])]


def rasterise_uv(uv: np.ndarray, side: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, int]]:
    """Rasterise faces with UV coordinates (M, 3, 2) into a square texture, first row on top, in chunks.

    Yields flat indices (K,) of the texels whose centre lies in a face, the faces (K,), barycentric weights (K, 3), and
    the number of faces done.
    """
    corners = uv.astype(np.float64) * [side, -side] + [0, side]  # column and row of every corner
    first = np.ceil(corners.min(1) - 0.5).clip(0).astype(np.int64)
    shape = (np.floor(corners.max(1) - 0.5).clip(max=side - 1).astype(np.int64) - first + 1).clip(0)
    count = shape.prod(1)
    part = np.cumsum(count) // CHUNK
    for faces in np.split(np.arange(len(uv)), np.flatnonzero(np.diff(part)) + 1):
        face = np.repeat(faces, count[faces])
        within_box = np.arange(len(face)) - np.repeat(np.cumsum(count[faces]) - count[faces], count[faces])
        column, row = np.divmod(within_box, np.maximum(shape[face, 1], 1)) + first[face].T
        a, b, c = corners[face].transpose(1, 0, 2)
        centre = np.stack([column, row], 1) + 0.5
        a, b, c = a - centre, b - centre, c - centre
        areas = np.stack([cross(b, c), cross(c, a), cross(a, b)], 1)
        whole = areas.sum(1, keepdims=True)
        weight = areas / np.where(whole == 0, np.nan, whole)
        hit = (weight >= -1e-9).all(1)
        yield row[hit] * side + column[hit], face[hit], weight[hit], int(faces[-1]) + 1 if len(faces) else 0


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cross product of vectors in the plane (K, 2) -> (K,)."""
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def fill_gutters(texture: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Give every texel (S, S, C) outside the charts the colour of the nearest `covered` (S, S) one."""
    if not covered.any():
        return texture
    row, column = distance_transform_edt(~covered, return_distances=False, return_indices=True)  # pyright: ignore
    return texture[row, column]

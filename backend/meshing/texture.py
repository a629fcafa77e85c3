# SPDX-License-Identifier: GPL-3.0-or-later
"""Texture baking: the mesh is unwrapped, and every texel takes the colour of its point on the surface."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.spatial import KDTree

from ..interface.common_parameters import MeshParameters
from ..rendering.mesh import Mesh
from ..runtime.images import to_bytes
from .clean import decimate
from .packing import rasterise_uv
from .unwrap import EXPECTED_COVERAGE, unwrap

Colors = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Surface points (K, 3) and unit normals (K, 3) -> sRGB 0..1 (K, 3)."""
Step = Callable[[int, int], None]

NO_TEXTURE = "off"  # value of the parameter `texture`, which else is the side in pixels
MAX_TEXTURED_FACES = 40_000  # the texture holds finer detail
NEIGHBOURS = 3  # vertices whose colours are interpolated at a point


def decimate_and_texture(
    mesh: Mesh, parameters: MeshParameters, colors: Colors | None = None, step: Step | None = None
) -> Mesh:
    """Decimate to `max_faces` and, unless `texture` is off, bake a texture.

    colors: colours of the texture, by default the mesh's vertex colours. step: called with (done, total) faces.
    """
    decimated = decimate_for(mesh, parameters)
    if parameters.texture == NO_TEXTURE or not len(mesh.faces):
        return decimated
    return bake(decimated, int(parameters.texture), colors or nearest_vertex_colors(mesh), step)


def decimate_for(mesh: Mesh, parameters: MeshParameters) -> Mesh:
    """Decimate to `max_faces`, and to what a texture allows if there shall be one."""
    if parameters.texture == NO_TEXTURE:
        return decimate(mesh, parameters.max_faces)
    return decimate(mesh, min(parameters.max_faces or MAX_TEXTURED_FACES, MAX_TEXTURED_FACES))


def texel_size(mesh: Mesh, side: int) -> float:
    """Expected width in world units of the texels of a texture of side x side."""
    return float(np.sqrt(mesh.face_areas.sum() / EXPECTED_COVERAGE)) / side


def nearest_vertex_colors(mesh: Mesh) -> Colors:
    """A mesh's vertex colours, interpolated by inverse distance between the nearest vertices."""
    tree, count = KDTree(mesh.vertices), min(NEIGHBOURS, len(mesh.vertices))

    def colors(points: np.ndarray, _normals: np.ndarray) -> np.ndarray:
        nearest = tree.query(points, count)
        distance, vertex = (np.asarray(part).reshape(len(points), count) for part in nearest)
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


def fill_gutters(texture: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Give every texel (S, S, C) outside the charts the colour of the nearest `covered` (S, S) one."""
    if not covered.any():
        return texture
    row, column = distance_transform_edt(~covered, return_distances=False, return_indices=True)  # pyright: ignore
    return texture[row, column]

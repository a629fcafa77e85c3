# SPDX-License-Identifier: GPL-3.0-or-later
"""Cleaning a mesh: pieces that float about, collapsed faces, too many faces. Nothing is filled, nothing is smoothed."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from ..rendering.mesh import Mesh


def keep_components(mesh: Mesh, smallest: float = 1.0, by: Literal["volume", "area"] = "volume") -> Mesh:
    """Keep the largest connected piece and those of at least `smallest` (0..1) times its size.

    Size is the surface area or the volume enclosed, normals outward; an inner wall (the surface of a hollow)
    encloses a negative volume, so that by volume it is never kept: nobody can see it.
    """
    if not len(mesh.faces):
        return mesh
    count, piece = _pieces(mesh)
    if by == "area":
        size = np.bincount(piece, mesh.face_areas, minlength=count)
    else:
        corners = mesh.vertices[mesh.faces].astype(np.float64)
        middle = np.stack([np.bincount(piece, corners.mean(1)[:, i], minlength=count) for i in range(3)], 1)
        middle /= np.bincount(piece, minlength=count)[:, None]  # an open piece's volume should not depend on its place
        a, b, c = (corners - middle[piece][:, None]).transpose(1, 0, 2)
        size = np.bincount(piece, (a * np.cross(b, c)).sum(1) / 6, minlength=count)
    keep = size >= smallest * size.max()
    keep[size.argmax()] = True
    return select_faces(mesh, keep[piece])


def remove_degenerate(mesh: Mesh, distance: float = 0.0) -> Mesh:
    """Weld vertices that lie within `distance` (0: at the very same place) and drop the faces that this collapses.

    Faces that only look thin are kept: to remove them would open a closed mesh. A welded vertex keeps the place and
    colour of the first of its vertices.
    """
    if distance > 0:
        pairs = KDTree(mesh.vertices).query_pairs(distance, output_type="ndarray")
        _, group = connected_components(_graph(pairs, len(mesh.vertices)), directed=False)
    else:
        _, group = np.unique(mesh.vertices, axis=0, return_inverse=True)
    _, first = np.unique(group, return_index=True)
    faces = first[group.reshape(-1)][mesh.faces]
    a, b, c = faces.T
    welded = Mesh(mesh.vertices, faces, mesh.vertex_colors, mesh.uv, mesh.texture)
    return select_faces(welded, (a != b) & (b != c) & (c != a))


def decimate(mesh: Mesh, max_faces: int) -> Mesh:
    """At most about `max_faces` faces (0 keeps all): the edges that matter least to the shape collapse (quadric error).

    Every new vertex takes the colour of the nearest old one. UV coordinates and texture are lost.
    """
    if max_faces <= 0 or len(mesh.faces) <= max_faces:
        return mesh
    from fast_simplification import simplify

    vertices, faces = simplify(mesh.vertices, mesh.faces, target_count=max_faces)[:2]
    _, nearest = KDTree(mesh.vertices).query(vertices)
    return remove_degenerate(Mesh(vertices, faces, mesh.vertex_colors[nearest]))


def select_faces(mesh: Mesh, keep: np.ndarray) -> Mesh:
    """The mesh with only the faces `keep` (M,), bool, and the vertices that they use."""
    faces = mesh.faces[keep]
    used, new = np.unique(faces, return_inverse=True)
    uv = None if mesh.uv is None else mesh.uv[keep]
    return Mesh(mesh.vertices[used], new.reshape(-1, 3), mesh.vertex_colors[used], uv, mesh.texture)


def _pieces(mesh: Mesh) -> tuple[int, np.ndarray]:
    """Number of connected pieces (faces that share a vertex), and the piece of every face (M,)."""
    edges = mesh.faces[:, [[0, 1], [1, 2]]].reshape(-1, 2)
    _, of_vertex = connected_components(_graph(edges, len(mesh.vertices)), directed=False)
    names, of_face = np.unique(of_vertex[mesh.faces[:, 0]], return_inverse=True)
    return len(names), of_face


def _graph(edges: np.ndarray, count: int) -> coo_array:
    return coo_array((np.ones(len(edges), bool), (edges[:, 0], edges[:, 1])), shape=(count, count))

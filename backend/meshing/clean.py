# SPDX-License-Identifier: GPL-3.0-or-later
"""Mesh cleaning: floating pieces, degenerate faces, decimation. Holes are not filled and nothing is
smoothed; vertices only slide within the surface."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from ..rendering.mesh import Mesh
from .relaxation import relax

FEWEST = 4  # faces that enclose a volume
MANY = 100  # faces, from which on a decimated mesh encloses one
LEAST_VOLUME = 0.05  # of a mesh, that it keeps when it is decimated


def keep_components(mesh: Mesh, smallest: float = 1.0) -> Mesh:
    """Keep the largest connected component and those with at least `smallest` (0..1) of its volume.

    The inner wall of a cavity encloses a negative volume and is therefore always removed: it is invisible.
    """
    if not len(mesh.faces):
        return mesh
    count, component = _components(mesh)
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    centre = np.stack([np.bincount(component, corners.mean(1)[:, i], minlength=count) for i in range(3)], 1)
    centre /= np.bincount(component, minlength=count)[:, None]
    a, b, c = (corners - centre[component][:, None]).transpose(1, 0, 2)  # so an open one's volume is its own, anywhere
    volume = np.bincount(component, (a * np.cross(b, c)).sum(1) / 6, minlength=count)
    keep = volume >= smallest * volume.max()
    keep[volume.argmax()] = True
    return select_faces(mesh, keep[component])


def remove_degenerate(mesh: Mesh, distance: float = 0.0) -> Mesh:
    """Weld vertices within `distance` (0: identical ones) and drop the faces that collapse.

    Thin faces are kept, as removing them would open a closed mesh. A welded vertex keeps the position and colour of the
    first of its vertices.
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
    """Decimate to about `max_faces` faces (0 keeps all) by quadric error edge collapse, without slivers.

    Where so few faces enclose nothing, the result has the fewest of 4, 8, 16 and so on that do. Every new vertex takes
    the colour of the nearest old one. UV coordinates and texture are dropped.
    """
    if max_faces <= 0 or len(mesh.faces) <= max_faces:
        return mesh
    target = max(max_faces, FEWEST)
    while target < len(mesh.faces):
        smaller = _collapse(mesh, target)
        if target > MANY or _has_body(smaller, mesh):
            return smaller
        target *= 2
    return mesh


def _collapse(mesh: Mesh, target: int) -> Mesh:
    """The mesh with about `target` faces, fewer of which may enclose nothing."""
    from fast_simplification import simplify

    vertices, faces = simplify(mesh.vertices, mesh.faces, target_count=target)[:2]
    if not len(faces):
        return Mesh(vertices[:0], faces)
    vertices = relax(vertices, faces)
    _, nearest = KDTree(mesh.vertices).query(vertices)
    return remove_degenerate(Mesh(vertices, faces, mesh.vertex_colors[nearest]))


def _has_body(smaller: Mesh, mesh: Mesh) -> bool:
    """Whether a decimated mesh still encloses some of the volume of the closed mesh that it comes from."""
    if not mesh.is_closed:
        return bool(smaller.face_areas.sum() > 0)
    return smaller.volume > LEAST_VOLUME * mesh.volume


def select_faces(mesh: Mesh, keep: np.ndarray) -> Mesh:
    """Keep the faces where `keep` (M,) is True, and the vertices that they use."""
    faces = mesh.faces[keep]
    used, new = np.unique(faces, return_inverse=True)
    uv = None if mesh.uv is None else mesh.uv[keep]
    return Mesh(mesh.vertices[used], new.reshape(-1, 3), mesh.vertex_colors[used], uv, mesh.texture)


def _components(mesh: Mesh) -> tuple[int, np.ndarray]:
    """Number of connected components, and the component of every face (M,)."""
    edges = mesh.faces[:, [[0, 1], [1, 2]]].reshape(-1, 2)
    _, vertex_label = connected_components(_graph(edges, len(mesh.vertices)), directed=False)
    labels, face_component = np.unique(vertex_label[mesh.faces[:, 0]], return_inverse=True)
    return len(labels), face_component


def _graph(edges: np.ndarray, count: int) -> coo_array:
    return coo_array((np.ones(len(edges), bool), (edges[:, 0], edges[:, 1])), shape=(count, count))

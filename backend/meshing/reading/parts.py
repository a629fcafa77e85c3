# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a file with colours of their vertices or corners, and the one mesh that they make."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...rendering.mesh import WHITE, Mesh
from ...runtime.images import to_bytes
from .refusal import Unreadable

FARTHEST = 1e15  # of a coordinate: squares must fit float32


@dataclass
class Part:
    """vertices (N, 3) and faces (M, 3) in the file's axes; colors sRGB 0..1, (N, 4) of the vertices or (M, 3, 4) of the
    faces' corners, None for white."""

    vertices: np.ndarray
    faces: np.ndarray
    colors: np.ndarray | None = None


def join(parts: list[Part]) -> Mesh:
    """Join parts into one mesh. A vertex whose corners have several colours becomes several. ValueError if there are no
    faces, none that have an area, or a coordinate that cannot be used."""
    if not sum(len(part.faces) for part in parts):
        has_points = any(len(part.vertices) for part in parts)
        raise Unreadable("it has points and no faces" if has_points else "it has no faces")
    meshes = [to_mesh(part) for part in parts]
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    joined = Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=False)]),
        np.concatenate([mesh.vertex_colors for mesh in meshes]),
    )
    check_area(joined)
    return joined


def to_mesh(part: Part) -> Mesh:
    """One part as a mesh, without faces that name a vertex twice and without vertices that are no numbers."""
    faces = np.asarray(part.faces, np.int64).reshape(-1, 3)
    vertices = np.asarray(part.vertices, np.float64).reshape(-1, 3)
    if len(faces) and not 0 <= faces.min() <= faces.max() < len(vertices):
        raise Unreadable("a face names a vertex that is not there")
    a, b, c = faces.T
    distinct = (a != b) & (b != c) & (c != a)
    faces, colors = faces[distinct], part.colors
    if colors is None:
        rgba = np.full((len(vertices), 4), WHITE, np.uint8)
    elif colors.ndim == 2:
        rgba = to_bytes(colors)
    else:
        vertices, faces, rgba = split_colors(vertices, faces, to_bytes(colors[distinct]))
    good = np.all(np.abs(vertices) <= FARTHEST, axis=1)
    if not good.all():
        if not good[faces].all():
            raise Unreadable("it has coordinates that are no numbers, or too large")
        faces, vertices, rgba = (np.cumsum(good) - 1)[faces], vertices[good], rgba[good]
    return Mesh(vertices, faces, rgba)


def split_colors(
    vertices: np.ndarray, faces: np.ndarray, colors: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices (N, 3) and faces (M, 3) whose corners have colours uint8 (M, 3, 4) -> vertices (K, 3), faces and colours
    (K, 4), where a vertex has one colour. The first N vertices stay; those that no face uses are white."""
    packed = np.ascontiguousarray(colors).view(np.uint32).reshape(-1).astype(np.int64)
    key, corner = np.unique(faces.reshape(-1) << 32 | packed, return_inverse=True)
    vertex = key >> 32
    again = np.r_[False, vertex[1:] == vertex[:-1]]
    place = np.where(again, len(vertices) + np.cumsum(again) - 1, vertex)
    vertices = np.concatenate([vertices, vertices[vertex[again]]])
    rgba = np.full((len(vertices), 4), WHITE, np.uint8)
    rgba[place] = (key & 0xFFFFFFFF).astype(np.uint32).view(np.uint8).reshape(-1, 4)
    return vertices, place[corner].reshape(-1, 3), rgba


def check_area(mesh: Mesh) -> None:
    """ValueError where no face has an area."""
    if not mesh.face_areas.any():
        raise Unreadable("none of its faces has an area")

# SPDX-License-Identifier: GPL-3.0-or-later
"""The one mesh type that flows from the engines to the files and to Blender."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WHITE = 255


@dataclass
class Mesh:
    """A triangle mesh in Blender's frame (Z up), usually inside [-0.5, 0.5]^3, normals outward.

    vertices float32 (N, 3); faces int32 (M, 3), counter-clockwise seen from outside; vertex_colors uint8 (N, 4), sRGB,
    white where None is given. uv float32 (M, 3, 2), of each face's corners in 0..1, first to the right, then up, and
    texture uint8 (H, W, 4), sRGB, first row on top; or None.
    Raises ValueError when shapes do not fit, a coordinate is not finite or a face names a missing vertex.
    """

    vertices: np.ndarray
    faces: np.ndarray
    vertex_colors: np.ndarray = None  # type: ignore[assignment]  # white
    uv: np.ndarray | None = None
    texture: np.ndarray | None = None

    def __post_init__(self) -> None:
        self.vertices = np.ascontiguousarray(self.vertices, np.float32).reshape(-1, 3)
        faces = np.asarray(self.faces).reshape(-1, 3)
        count = len(self.vertices)
        if not np.isfinite(self.vertices).all():
            raise ValueError("The mesh has coordinates that are not numbers.")
        if len(faces) and not (0 <= faces.min() and faces.max() < count):
            raise ValueError(f"The mesh has {count} vertices, but its faces name {faces.min()} to {faces.max()}.")
        self.faces = np.ascontiguousarray(faces, np.int32)
        if self.vertex_colors is None:
            self.vertex_colors = np.full((count, 4), WHITE, np.uint8)
        if np.shape(self.vertex_colors) != (count, 4) or np.asarray(self.vertex_colors).dtype != np.uint8:
            raise ValueError(f"Vertex colours must be uint8 ({count}, 4).")
        self.vertex_colors = np.ascontiguousarray(self.vertex_colors)
        if self.uv is not None and np.shape(self.uv) != (len(self.faces), 3, 2):
            raise ValueError(f"UV coordinates must be ({len(self.faces)}, 3, 2), not {np.shape(self.uv)}.")

    @property
    def face_areas(self) -> np.ndarray:
        """Area of every face, float64 (M,)."""
        a, b, c = self.vertices[self.faces].astype(np.float64).transpose(1, 0, 2)
        return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2

    @property
    def vertex_normals(self) -> np.ndarray:
        """Unit normal at every vertex, float32 (N, 3): of the faces around it, by their area."""
        a, b, c = self.vertices[self.faces].astype(np.float64).transpose(1, 0, 2)
        across = np.cross(b - a, c - a).repeat(3, 0)
        sums = [np.bincount(self.faces.reshape(-1), part, len(self.vertices)) for part in across.T]
        normals = np.stack(sums, 1)
        return (normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)).astype(np.float32)

    @property
    def volume(self) -> float:
        """Signed volume; positive when the mesh is closed and its normals point outward."""
        a, b, c = self.vertices[self.faces].astype(np.float64).transpose(1, 0, 2)
        return float((a * np.cross(b, c)).sum() / 6)

    @property
    def is_closed(self) -> bool:
        """Every directed edge has exactly one partner in the other direction: watertight and consistently wound."""
        edges = self.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2).astype(np.int64)
        forward = edges[:, 0] * (len(self.vertices) + 1) + edges[:, 1]
        backward = edges[:, 1] * (len(self.vertices) + 1) + edges[:, 0]
        unique = len(np.unique(forward)) == len(forward)
        return len(edges) > 0 and unique and np.array_equal(np.sort(forward), np.sort(backward))

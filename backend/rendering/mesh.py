# SPDX-License-Identifier: GPL-3.0-or-later
"""The one mesh type that flows from the engines to the files and to Blender."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WHITE = 255


@dataclass
class Mesh:
    """A triangle mesh in Blender's frame (Z up), usually inside [-0.5, 0.5]^3, normals outward.

    Raises ValueError when shapes do not match, a coordinate is not finite or a face refers to a missing vertex.
    """

    vertices: np.ndarray  # float32 (N, 3)
    faces: np.ndarray  # int32 (M, 3), counter-clockwise seen from outside
    vertex_colors: np.ndarray = None  # type: ignore[assignment]  # uint8 (N, 4), sRGB; None means white
    uv: np.ndarray | None = None  # float32 (M, 3, 2) of the faces' corners, 0..1, u to the right, v up
    texture: np.ndarray | None = None  # uint8 (H, W, 4), sRGB, first row on top

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
        """Unit normals float32 (N, 3): the area-weighted mean of the adjacent faces' normals."""
        a, b, c = self.vertices[self.faces].astype(np.float64).transpose(1, 0, 2)
        face_normals = np.cross(b - a, c - a).repeat(3, 0)
        sums = [np.bincount(self.faces.reshape(-1), axis, len(self.vertices)) for axis in face_normals.T]
        normals = np.stack(sums, 1)
        return (normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)).astype(np.float32)

    @property
    def volume(self) -> float:
        """Signed volume, positive for a closed mesh whose normals point outward."""
        a, b, c = self.vertices[self.faces].astype(np.float64).transpose(1, 0, 2)
        return float((a * np.cross(b, c)).sum() / 6)

    @property
    def is_closed(self) -> bool:
        """Watertight and consistently wound: every directed edge has exactly one opposite."""
        edges = self.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2).astype(np.int64)
        forward = edges[:, 0] * (len(self.vertices) + 1) + edges[:, 1]
        backward = edges[:, 1] * (len(self.vertices) + 1) + edges[:, 0]
        unique = len(np.unique(forward)) == len(forward)
        return len(edges) > 0 and unique and np.array_equal(np.sort(forward), np.sort(backward))

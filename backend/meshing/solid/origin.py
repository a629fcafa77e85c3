# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the faces of a changed mesh lie on the mesh before, so that everything on its surface can follow."""

from __future__ import annotations

from dataclasses import dataclass

import igl
import numpy as np


@dataclass(frozen=True)
class Origin:
    """face int32 (M,): the face of the mesh before on which each face lies, or that is nearest to it. weights float32
    (M, 3, 3): the place of each corner in that face, barycentric."""

    face: np.ndarray
    weights: np.ndarray

    def interpolate(self, corners: np.ndarray) -> np.ndarray:
        """Values at the corners of the old faces (old M, 3, C) -> at those of the new ones, float32 (M, 3, C)."""
        return np.einsum("mki,mic->mkc", self.weights, corners[self.face].astype(np.float32))


def unchanged(face: np.ndarray, flipped: np.ndarray) -> Origin:
    """The origin of faces (M,) that were kept; where `flipped` (M,), the last two corners have changed places."""
    weights = np.tile(np.eye(3, dtype=np.float32), (len(face), 1, 1))
    weights[flipped] = weights[flipped][:, [0, 2, 1]]
    return Origin(face.astype(np.int32), weights)


def projected(points: np.ndarray, face: np.ndarray, corners: np.ndarray) -> Origin:
    """The origin of faces with corners at points (M, 3, 3), on the old faces `face` (M,) with corners (M, 3, 3)."""
    a, b, c = (np.repeat(corners[:, i], 3, 0) for i in range(3))
    weights = np.asarray(igl.barycentric_coordinates(points.reshape(-1, 3), a, b, c))
    weights = np.clip(np.nan_to_num(weights, nan=1 / 3, posinf=1, neginf=0), 0, 1)
    weights /= np.maximum(weights.sum(1, keepdims=True), 1e-9)
    return Origin(face.astype(np.int32), weights.reshape(-1, 3, 3).astype(np.float32))


def join(one: Origin, other: Origin) -> Origin:
    return Origin(np.concatenate([one.face, other.face]), np.concatenate([one.weights, other.weights]))


def through(outer: Origin, inner: Origin) -> Origin:
    """The origin of a mesh that was made from the mesh of the origin `inner`, on which it lies by `outer`."""
    return Origin(inner.face[outer.face], np.einsum("mki,mij->mkj", outer.weights, inner.weights[outer.face]))

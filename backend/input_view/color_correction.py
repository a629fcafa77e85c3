# SPDX-License-Identifier: GPL-3.0-or-later
"""A smooth change of the colours that an image does not show, which makes them agree with it along the border.

Poisson image editing (Perez et al. 2003) on a surface: what is blended are the gradients of both colours, so that the
difference, known where the image shows the surface, is continued harmonically over the rest, and fades.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array, diags_array
from scipy.sparse.linalg import cg
from scipy.spatial import KDTree

from ..rendering.mesh import Mesh

SMOOTHING = 0.02  # world units over which known differences are averaged
FADING = 1.0  # world units over which the change fades; so far that it reaches the back
LARGEST = 0.5  # change of a colour, 0..1
NEIGHBOURS = 5  # vertices around a point; the farthest has no weight, so that the change is continuous
ACCURACY = 1e-5  # relative, of the residual


def correct(mesh: Mesh, difference: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Continue colour differences (N, C), known at vertices with shares (N,) of 0..1, over the mesh -> (N, C).

    Minimises the sum over the surface of share * (x - difference)^2 + SMOOTHING^2 * (|grad x|^2 + (x / FADING)^2).
    """
    matrix, mass = system(mesh, share)
    known = mass * share
    right = known[:, None] * np.clip(difference, -LARGEST, LARGEST)
    inverse = diags_array(1 / matrix.diagonal())
    return np.stack([cg(matrix, column, rtol=ACCURACY, M=inverse)[0] for column in right.T], 1)


def system(mesh: Mesh, share: np.ndarray) -> tuple[csr_array, np.ndarray]:
    """The matrix (N, N) of the equations that `correct` solves, symmetric, and the vertices' areas (N,)."""
    edges = np.sort(mesh.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), 1)
    edges = np.unique(edges[:, 0].astype(np.int64) * len(mesh.vertices) + edges[:, 1])
    first, second = edges // len(mesh.vertices), edges % len(mesh.vertices)
    mass = np.bincount(mesh.faces.reshape(-1), mesh.face_areas.repeat(3) / 3, len(mesh.vertices))
    mass = np.maximum(mass, 1e-3 * mass.mean())
    length = np.linalg.norm(mesh.vertices[first] - mesh.vertices[second], axis=1).astype(np.float64)
    # Equilateral triangles give the cotangents' weight, 2 / 3 of a vertex's area by the squared length; unlike
    # cotangents it is positive in every mesh.
    weight = (mass[first] + mass[second]) / 3 / np.maximum(length, 0.1 * length.mean()) ** 2
    rows, columns = np.concatenate([first, second]), np.concatenate([second, first])
    links = coo_array((np.tile(weight, 2), (rows, columns)), shape=(len(mass), len(mass))).tocsr()
    own = mass * (share + (SMOOTHING / FADING) ** 2)
    return (diags_array(own + SMOOTHING**2 * links.sum(1)) - SMOOTHING**2 * links).tocsr(), mass


class Interpolation:
    """Values between vertices, from the nearest ones; continuous."""

    def __init__(self, mesh: Mesh, values: np.ndarray) -> None:
        self.tree, self.values = KDTree(mesh.vertices), values.astype(np.float32)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Values (K, C) at points (K, 3)."""
        count = min(NEIGHBOURS, len(self.values))
        found = self.tree.query(points, count)
        distance, vertex = (np.asarray(part).reshape(len(points), count) for part in found)
        if count < NEIGHBOURS:
            weight = 1 / np.maximum(distance, 1e-9)
        else:
            reach = np.maximum(distance[:, -1:], 1e-12)
            weight = ((1 - distance[:, :-1] / reach) / np.maximum(distance[:, :-1], 1e-9 * reach)) ** 2
            weight, vertex = np.maximum(weight, 1e-30), vertex[:, :-1]
        weight = (weight / weight.sum(1, keepdims=True)).astype(np.float32)
        return np.einsum("kic,ki->kc", self.values[vertex], weight)

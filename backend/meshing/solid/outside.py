# SPDX-License-Identifier: GPL-3.0-or-later
"""Faces that rays from outside reach (after Takayama et al., "A simple method for correcting facet orientations in
polygon meshes based on ray casting", 2014)."""

from __future__ import annotations

from collections.abc import Callable

import igl
import numpy as np

FIRST = 4, 12  # rays a face in the first rounds; a face that two of them reach is left out of the next ones
MORE, BUDGET = 240, 400_000  # rays a face, and all of them, for hidden faces of patches that are seen in part
NEEDED = 2  # rays that reach a face that is seen: single ones slip through between triangles
LEAK = 1e-3  # of a patch's rays: fewer slip through
CHUNK = 200_000  # rays at a time
OFFSET = 1e-6  # of the box's diagonal, from a face to the start of its rays

Check = Callable[[], None]


class Outside:
    """Rays between the faces of a mesh and infinity. vertices float64 (N, 3), faces int64 (M, 3)."""

    def __init__(self, vertices: np.ndarray, faces: np.ndarray, check: Check) -> None:
        self.vertices, self.faces, self.check = vertices, faces, check
        self.tree, self.random = igl.AABB(), np.random.default_rng(0)
        self.tree.init(vertices, faces)
        self.offset = OFFSET * float(np.linalg.norm(np.ptp(vertices, axis=0)))
        a, b, c = vertices[faces].transpose(1, 0, 2)
        normal = np.cross(b - a, c - a)
        self.area = np.linalg.norm(normal, axis=1) / 2
        self.normal = normal / np.maximum(2 * self.area, 1e-300)[:, None]

    def escaping(self, faces: np.ndarray, side: float, count: int) -> np.ndarray:
        """How many of `count` random rays from each of these faces (K,) hit nothing; side: 1 the front, -1 the back."""
        free = np.zeros(len(faces), np.int64)
        for part in np.array_split(np.arange(len(faces)), -(-len(faces) * count // CHUNK) or 1):
            self.check()
            chosen = np.repeat(faces[part], count)
            normal = side * self.normal[chosen]
            points = self.random_points(chosen) + self.offset * normal
            hits = self.tree.intersect_ray_first(self.vertices, self.faces, points, self.around(normal))[0]
            free[part] = (np.asarray(hits) < 0).reshape(-1, count).sum(1)
        return free

    def random_points(self, chosen: np.ndarray) -> np.ndarray:
        """A point on each of these faces, (K, 3)."""
        u, v = np.sqrt(self.random.random(len(chosen))), self.random.random(len(chosen))
        share = np.stack([1 - u, u * (1 - v), u * v], 1)
        return np.einsum("kc,kcx->kx", share, self.vertices[self.faces[chosen]])

    def around(self, normal: np.ndarray) -> np.ndarray:
        """Unit directions (K, 3) about unit normals, by the cosine: flat ones, which slip through edges, are rare."""
        ball = self.random.normal(size=normal.shape)
        mixed = normal + ball / np.linalg.norm(ball, axis=1, keepdims=True)
        return mixed / np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-12)

    def look(self, patch: np.ndarray, is_open: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rays that reach the front and the back of every face, float (M, 2), as shares of those cast; whether the face
        is seen (M,). patch (M,); is_open (M,): of open patches the back is looked at too."""
        cast, free = np.zeros((len(self.faces), 2)), np.zeros((len(self.faces), 2))
        sides = [(0, 1.0, np.ones(len(self.faces), bool)), (1, -1.0, is_open)]

        def cast_at(number: int, side: float, wanted: np.ndarray, count: int) -> None:
            chosen = np.flatnonzero(wanted & (free[:, number] < NEEDED))
            free[chosen, number] += self.escaping(chosen, side, count)
            cast[chosen, number] += count

        for count in FIRST:
            for number, side, wanted in sides:
                cast_at(number, side, wanted, count)
        reached = np.bincount(patch, free.sum(1)) / np.maximum(np.bincount(patch, cast.sum(1)), 1)
        doubtful = (reached[patch] > LEAK) & (free.max(1) < NEEDED)
        if many := int(doubtful.sum()):
            for number, side, wanted in sides:
                cast_at(number, side, wanted & doubtful, int(np.clip(BUDGET // many, FIRST[1], MORE)))
        seen = ((free.max(1) >= NEEDED) | (self.area <= self.offset**2)) & (reached[patch] > LEAK)
        return free / np.maximum(cast, 1), seen

# SPDX-License-Identifier: GPL-3.0-or-later
"""Ground-truth signed distances of meshes, closed or open: points hidden from the sides and above are inside."""

from __future__ import annotations

import igl
import numpy as np

from .render import Renderer

DIRECTIONS = 48  # on the whole sphere
LOWEST = -0.2  # height of the lowest direction: trees and mountains are often open below, but not hollow
SHEET = 0.01  # half thickness of surfaces that are visible from both sides


class SignedDistance:
    """Points float32 (N, 3) -> signed distance (N,), negative inside.

    A point is outside if a ray escapes in one of the directions, none of which points steeply down. Winding numbers
    need closed meshes, and half of the training meshes are open; labels carved from splatted points disagree with the
    exact ones (IoU 0.67). Single sheets (leaves, flags) become solids of thickness 2 * SHEET.
    """

    def __init__(self, renderer: Renderer):
        self.renderer = renderer
        mesh = renderer.mesh
        self.vertices, self.faces = mesh.vertices.astype(np.float64), mesh.faces.astype(np.int64)
        i = np.arange(DIRECTIONS) + 0.5  # Fibonacci sphere
        z = 1 - 2 * i / DIRECTIONS
        angle = np.pi * (1 + 5**0.5) * i
        ring = np.sqrt(1 - z * z)
        sphere = np.stack([ring * np.cos(angle), ring * np.sin(angle), z], 1).astype(np.float32)
        self.directions = sphere[z >= LOWEST]
        a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
        normal = np.cross(b - a, c - a)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        sides = np.stack([self.outside((a + b + c) / 3 + sign * 2e-3 * normal) for sign in (1, -1)])
        self.sheet = np.asarray(sides.all(axis=0))

    def outside(self, points: np.ndarray) -> np.ndarray:
        """bool (N,): whether a ray from points (N, 3) escapes."""
        free = np.zeros(len(points), bool)
        for direction in self.directions:
            left = np.nonzero(~free)[0]
            origins = np.ascontiguousarray(points[left], np.float32)
            hit = self.renderer.scene.run(origins, np.broadcast_to(direction, origins.shape).copy(), query="INTERSECT")
            free[left] = hit < 0
        return free

    def __call__(self, points: np.ndarray) -> np.ndarray:
        square, face, _ = igl.point_mesh_squared_distance(points.astype(np.float64), self.vertices, self.faces)
        distance = np.sqrt(square)
        signed = np.where(self.outside(points), distance, -distance)
        return np.where(self.sheet[np.asarray(face)], distance - SHEET, signed).astype(np.float32)

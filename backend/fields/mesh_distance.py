# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed distance and colour of a mesh at any point, closed or not, from numpy and scipy alone."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_dilation, label
from scipy.spatial import KDTree

from ..rendering.mesh import Mesh

CELLS = 96  # per side of the grid in which "outside" is what a flood from the border reaches
SPACING = 0.005  # of the surface samples, in units of the mesh's largest side
NEAREST = 4  # samples whose faces are asked for the exact distance
SHEET = 0.5  # half thickness, in cells, of surfaces that enclose nothing


class MeshDistance:
    """points (P, 3) -> signed distance (P,), negative inside, and RGB (P, 3), 0..1, of the surface there.

    The distance is exact to the faces of the nearest samples. Inside is what a flood from the border of a grid does
    not reach; near the surface, within a cell, the side of the nearest face decides. A sheet that encloses nothing
    becomes a solid of one cell's thickness. Raises ValueError for a mesh without faces.
    """

    def __init__(self, mesh: Mesh) -> None:
        if not mesh.face_areas.sum():
            raise ValueError("The mesh has no faces, so it has no inside. Select a mesh with faces.")
        self.corners = mesh.vertices[mesh.faces].astype(np.float64)
        self.corner_colors = mesh.vertex_colors[mesh.faces][..., :3] / 255.0
        normal = np.cross(self.corners[:, 1] - self.corners[:, 0], self.corners[:, 2] - self.corners[:, 0])
        self.normals = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-20)
        self.low, self.high = self.corners.min((0, 1)), self.corners.max((0, 1))
        side = float((self.high - self.low).max())
        self.samples, self.face = self._sample(side * SPACING)
        self.tree = KDTree(self.samples)
        self._flood(side)

    def _sample(self, spacing: float) -> tuple[np.ndarray, np.ndarray]:
        """Points on every face, about `spacing` apart, and their faces."""
        a, b, c = self.corners.transpose(1, 0, 2)
        longest = np.max([np.linalg.norm(x - y, axis=1) for x, y in ((a, b), (b, c), (c, a))], axis=0)
        parts = np.clip(np.ceil(longest / spacing), 1, 200).astype(int)
        points, faces = [], []
        for n in np.unique(parts):
            chosen = np.nonzero(parts == n)[0]
            i, j = (x.ravel() for x in np.meshgrid(np.arange(n), np.arange(n), indexing="ij"))
            lower = i + j < n
            u, v = (i[lower] + 1 / 3) / n, (j[lower] + 1 / 3) / n
            share = np.stack([1 - u - v, u, v], 1)
            points.append((share @ self.corners[chosen]).reshape(-1, 3))
            faces.append(np.repeat(chosen, len(share)))
        return np.concatenate(points), np.concatenate(faces)

    def _flood(self, side: float) -> None:
        self.cell = side / CELLS
        self.origin = self.low - 2 * self.cell
        shape = np.ceil((self.high - self.origin) / self.cell).astype(int) + 3
        wall = np.zeros(shape, bool)
        wall[tuple(((self.samples - self.origin) / self.cell).astype(int).T)] = True
        regions = np.asarray(label(~wall)[0])  # pyright: ignore[reportIndexIssue]
        outside = regions == regions[0, 0, 0]
        self.outside, self.wall = outside, wall
        hidden = ~outside & ~wall
        beside = binary_dilation(hidden, iterations=2)  # faces near something enclosed bound a solid
        places = ((self.samples - self.origin) / self.cell).astype(int)
        solid = np.bincount(self.face, beside[tuple(places.T)], minlength=len(self.corners))
        self.sheet = solid == 0

    def nearest(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Exact distance (P,), face (P,) and barycentric place (P, 3) of the nearest among the candidates' faces."""
        _, found = self.tree.query(points, k=min(NEAREST, len(self.samples)))
        faces = self.face[np.asarray(found).reshape(len(points), -1)]
        place = closest_on_triangles(points[:, None], self.corners[faces])
        gap = np.linalg.norm((place[..., None] * self.corners[faces]).sum(-2) - points[:, None], axis=-1)
        best = gap.argmin(1)
        rows = np.arange(len(points))
        return gap[rows, best], faces[rows, best], place[rows, best]

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        points = np.asarray(points, np.float64)
        distance, face, place = self.nearest(points)
        on_surface = (place[..., None] * self.corners[face]).sum(1)
        facing = ((points - on_surface) * self.normals[face]).sum(1) > 0
        index = np.floor((points - self.origin) / self.cell).astype(int)
        within = ((index >= 0) & (index < self.wall.shape)).all(1)
        index = tuple(np.where(within[:, None], index, 0).T)
        free = ~within | self.outside[index]
        free = np.where(within & self.wall[index], facing, free)
        signed = np.where(free, distance, -distance)
        signed = np.where(self.sheet[face], distance - SHEET * self.cell, signed)
        color = (place[..., None] * self.corner_colors[face]).sum(1)
        return signed.astype(np.float32), color.astype(np.float32)


def closest_on_triangles(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Barycentric place (..., 3) of the nearest point to points (..., 3) on triangles (..., 3, 3).

    The foot of the perpendicular where it lies inside, else the best of the three edges.
    """
    a, b, c = (corners[..., i, :] for i in range(3))
    ab, ac, ap = b - a, c - a, points - a
    d11, d12, d22 = (ab * ab).sum(-1), (ab * ac).sum(-1), (ac * ac).sum(-1)
    p1, p2 = (ap * ab).sum(-1), (ap * ac).sum(-1)
    scale = np.maximum(d11 * d22 - d12 * d12, 1e-30)
    v, w = (d22 * p1 - d12 * p2) / scale, (d11 * p2 - d12 * p1) / scale
    foot = np.stack([1 - v - w, v, w], -1)
    best, least = foot, np.where((foot >= 0).all(-1), -1.0, np.inf)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        start, edge = corners[..., i, :], corners[..., j, :] - corners[..., i, :]
        t = ((points - start) * edge).sum(-1) / np.maximum((edge * edge).sum(-1), 1e-30)
        t = np.clip(t, 0, 1)
        gap = np.linalg.norm(start + t[..., None] * edge - points, axis=-1)
        place = np.zeros(foot.shape)
        place[..., i], place[..., j] = 1 - t, t
        nearer = gap < least
        best, least = np.where(nearer[..., None], place, best), np.where(nearer, gap, least)
    return best

# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed distance and colour of a mesh, closed or open, at any point; numpy and scipy only."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_dilation, label
from scipy.spatial import KDTree

from ..rendering.mesh import Mesh

CELLS = 96  # per side of the flood fill's grid
SPACING = 0.005  # of the surface samples, in units of the mesh's largest side
NEAREST = 4  # nearest samples whose faces are candidates for the exact distance
SHEET = 0.5  # half thickness, in cells, of surfaces that enclose no volume


class MeshDistance:
    """Points (P, 3) -> signed distance (P,), negative inside, and RGB (P, 3), 0..1, of the nearest surface point.

    The distance is exact to the faces of the nearest samples. The inside is the part of a grid that a flood fill from
    its border does not reach; within a cell of the surface the side of the nearest face decides. A sheet that encloses
    no volume becomes a solid one cell thick. Raises ValueError for a mesh without faces.
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
        """Sample points (S, 3) on every face, about `spacing` apart, and their faces (S,)."""
        a, b, c = self.corners.transpose(1, 0, 2)
        longest = np.max([np.linalg.norm(x - y, axis=1) for x, y in ((a, b), (b, c), (c, a))], axis=0)
        divisions = np.clip(np.ceil(longest / spacing), 1, 200).astype(int)
        points, faces = [], []
        for n in np.unique(divisions):
            chosen = np.nonzero(divisions == n)[0]
            i, j = (x.ravel() for x in np.meshgrid(np.arange(n), np.arange(n), indexing="ij"))
            lower = i + j < n
            u, v = (i[lower] + 1 / 3) / n, (j[lower] + 1 / 3) / n
            share = np.stack([1 - u - v, u, v], 1)
            points.append((share @ self.corners[chosen]).reshape(-1, 3))
            faces.append(np.repeat(chosen, len(share)))
        return np.concatenate(points), np.concatenate(faces)

    def _flood(self, side: float) -> None:
        """Flood fill a grid from its border, and find the faces that bound no enclosed volume."""
        self.cell = side / CELLS
        self.origin = self.low - 2 * self.cell
        shape = np.ceil((self.high - self.origin) / self.cell).astype(int) + 3
        wall = np.zeros(shape, bool)
        wall[tuple(((self.samples - self.origin) / self.cell).astype(int).T)] = True
        regions = np.asarray(label(~wall)[0])  # pyright: ignore[reportIndexIssue]
        outside = regions == regions[0, 0, 0]
        self.outside = outside
        self.wall = wall
        near_enclosed = binary_dilation(~outside & ~wall, iterations=2)
        cells = ((self.samples - self.origin) / self.cell).astype(int)
        bounding = np.bincount(self.face, near_enclosed[tuple(cells.T)], minlength=len(self.corners))
        self.sheet = bounding == 0

    def nearest(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Distance (P,), face (P,) and barycentric coordinates (P, 3) of the nearest candidate face."""
        _, samples = self.tree.query(points, k=min(NEAREST, len(self.samples)))
        faces = self.face[np.asarray(samples).reshape(len(points), -1)]
        barycentric = closest_on_triangles(points[:, None], self.corners[faces])
        distance = np.linalg.norm((barycentric[..., None] * self.corners[faces]).sum(-2) - points[:, None], axis=-1)
        best = distance.argmin(1)
        rows = np.arange(len(points))
        return distance[rows, best], faces[rows, best], barycentric[rows, best]

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        points = np.asarray(points, np.float64)
        distance, face, barycentric = self.nearest(points)
        on_surface = (barycentric[..., None] * self.corners[face]).sum(1)
        facing = ((points - on_surface) * self.normals[face]).sum(1) > 0
        index = np.floor((points - self.origin) / self.cell).astype(int)
        within = ((index >= 0) & (index < self.wall.shape)).all(1)
        index = tuple(np.where(within[:, None], index, 0).T)
        free = ~within | self.outside[index]
        free = np.where(within & self.wall[index], facing, free)
        signed = np.where(free, distance, -distance)
        signed = np.where(self.sheet[face], distance - SHEET * self.cell, signed)
        color = (barycentric[..., None] * self.corner_colors[face]).sum(1)
        return signed.astype(np.float32), color.astype(np.float32)


def closest_on_triangles(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Barycentric coordinates (..., 3) of the point on triangles (..., 3, 3) that is closest to points (..., 3).

    This is the foot of the perpendicular if it lies inside the triangle, else the closest point on the three edges.
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
        distance = np.linalg.norm(start + t[..., None] * edge - points, axis=-1)
        on_edge = np.zeros(foot.shape)
        on_edge[..., i], on_edge[..., j] = 1 - t, t
        nearer = distance < least
        best = np.where(nearer[..., None], on_edge, best)
        least = np.where(nearer, distance, least)
    return best

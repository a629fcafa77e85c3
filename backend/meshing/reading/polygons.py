# SPDX-License-Identifier: GPL-3.0-or-later
"""Polygons to triangles: a fan where the polygon is convex, else ear by ear."""

from __future__ import annotations

import numpy as np

from .refusal import Unreadable


def triangulate(vertices: np.ndarray, corners: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Triangles of polygons with any number of corners.

    Args:
        vertices: (N, 3).
        corners: the vertices of all polygons, one after the other (C,).
        sizes: the number of each polygon's corners (P,); those with fewer than three have no triangles.

    Returns:
        places in `corners` (M, 3), and the polygons (M,), which stay in order.

    Raises ValueError where a corner is no vertex.
    """
    if len(corners) and not 0 <= corners.min() <= corners.max() < len(vertices):
        raise Unreadable("a face names a vertex that is not there")
    starts = np.cumsum(sizes) - sizes
    triangles, owners = [np.zeros((0, 3), np.int64)], [np.zeros(0, np.int64)]
    for size in np.unique(sizes[sizes >= 3]):
        polygon = np.flatnonzero(sizes == size)
        local = np.broadcast_to(fan(size), (len(polygon), size - 2, 3)).copy()
        if size > 3:
            points = vertices[corners[starts[polygon, None] + np.arange(size)]]
            for i in np.flatnonzero(~is_convex(points)):
                local[i] = clip_ears(points[i])
        triangles.append((starts[polygon, None, None] + local).reshape(-1, 3))
        owners.append(np.repeat(polygon, size - 2))
    order = np.argsort(np.concatenate(owners), kind="stable")
    return np.concatenate(triangles)[order], np.concatenate(owners)[order]


def fan(size: int) -> np.ndarray:
    """Triangles (size - 2, 3) from the first corner."""
    second = np.arange(1, size - 1)
    return np.stack([np.zeros_like(second), second, second + 1], 1)


def normals(points: np.ndarray) -> np.ndarray:
    """Normals (P, 3) of polygons (P, n, 3), twice their area long (Newell's method)."""
    return np.cross(points - points[:, :1], np.roll(points, -1, 1) - points[:, :1]).sum(1)


def is_convex(points: np.ndarray) -> np.ndarray:
    """Whether polygons (P, n, 3) turn to one side at every corner (P,)."""
    before, after = points - np.roll(points, 1, 1), np.roll(points, -1, 1) - points
    turns = (np.cross(before, after) * normals(points)[:, None]).sum(2)
    return (turns >= 0).all(1)


def clip_ears(points: np.ndarray) -> np.ndarray:
    """Triangles (n - 2, 3) of one polygon (n, 3) that need not be convex; the fan's rest where it crosses itself."""
    normal = normals(points[None])[0]
    axis = int(np.abs(normal).argmax())
    flat = np.delete(points, axis, 1) * [1, 1 if (normal[axis] > 0) == (axis != 1) else -1]
    left, triangles = list(range(len(points))), []
    while len(left) > 3:
        for k in range(len(left)):
            ear = [left[k - 1], left[k], left[(k + 1) % len(left)]]
            others = flat[[i for i in left if i not in ear]]
            if area(*flat[ear]) > 0 and not is_inside(others, flat[ear]).any():
                break
        else:
            return np.array(triangles + [[left[i] for i in triangle] for triangle in fan(len(left))])
        triangles.append(ear)
        left.pop(k)
    return np.array([*triangles, left])


def area(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Twice the signed area of triangles in the plane, corners (..., 2)."""
    return (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (c[..., 0] - a[..., 0])


def is_inside(points: np.ndarray, triangle: np.ndarray) -> np.ndarray:
    """Whether points (K, 2) lie in a triangle (3, 2), or on its edges; not on its corners."""
    a, b, c = triangle
    within = (area(a, b, points) >= 0) & (area(b, c, points) >= 0) & (area(c, a, points) >= 0)
    return within & ~(points[:, None] == triangle).all(2).any(1)

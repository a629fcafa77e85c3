# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a mesh can be printed: closed, manifold, wound in one way, free of crossings, and how thin its walls are."""

from __future__ import annotations

from typing import Any

import igl
import numpy as np

from ..rendering.mesh import Mesh
from .solid import topology
from .solid.make_solid import bounds, check_mesh
from .solid.outside import Check, Outside

SAMPLES = 20_000  # points on the surface from which walls are measured
ACROSS = -0.5  # cosine between the normals of a wall's two sides, at most
CHUNK = 100_000  # rays at a time
AT_ENDS = 1e-6  # of an edge, near its ends, where it may touch other faces


def check_print(
    mesh: Mesh, mm_per_unit: float, least_wall_mm: float = 0.0, check: Check = lambda: None
) -> dict[str, Any]:
    """Measure a mesh. Raises SolidError for one without a surface.

    -> open_edges, flipped_edges (between faces that look to opposite sides), touching (edges of more than two faces,
    vertices of several fans), crossing (share of the faces that cut through others), inside_out, cavities (closed
    surfaces inside others), shells, wall_mm (None if the mesh is open), size_mm (x, y, z), volume_mm3, least_wall_mm.
    """
    check_mesh(mesh)
    low, high = bounds(mesh)
    scale = float((high - low).max()) / 2
    vertices = (mesh.vertices - (low + high) / 2) / scale
    faces = topology.weld(vertices, mesh.faces.astype(np.int64))
    faces = faces[topology.distinct(faces)]
    if not len(faces):
        check_mesh(Mesh(mesh.vertices, mesh.faces[:0]))
    found = count_edges(faces)
    check()
    part = topology.patches(faces)
    a, b, c = vertices[faces].transpose(1, 0, 2)
    volumes = np.bincount(part, np.einsum("mx,mx->m", a, np.cross(b, c)) / 6)
    is_whole = not (found["open_edges"] or found["flipped_edges"])
    volume, shells = float(volumes.sum()), len(volumes)
    found |= {"inside_out": is_whole and volume < 0, "shells": shells, "cavities": 0}
    if is_whole and volume > 0:
        found["cavities"] = int((volumes < 0).sum())
    unit = scale * mm_per_unit
    wall = thinnest_wall(vertices, faces, check) if is_whole and volume > 0 else np.inf
    return found | {
        "crossing": crossing_share(vertices, faces, check),
        "wall_mm": float(wall) * unit if np.isfinite(wall) else None,
        "size_mm": [float(side) * mm_per_unit for side in high - low],
        "volume_mm3": volume * unit**3 if is_whole else None,
        "least_wall_mm": least_wall_mm,
    }


def count_edges(faces: np.ndarray) -> dict[str, int]:
    """open_edges, flipped_edges and touching of welded faces (M, 3)."""
    start, _ = topology.half_edges(faces)
    order, first, count = topology.edge_groups(faces)
    two = first[count == 2]
    flipped = start[order[two]] == start[order[two + 1]]
    half = np.concatenate([order[two], order[two + 1]])
    mates = np.full(faces.size, -1)
    mates[half] = np.roll(half, len(two))
    if flipped.any():  # fans do not care how their faces are wound: take both ends of the edge together
        mates[order[two[flipped]]] = mates[order[two[flipped] + 1]] = -1
    crowded = int((count > 2).sum())
    _, old = topology.split_vertices(faces, mates)
    fans = np.bincount(old)
    pinched = 0 if crowded or flipped.any() else int((fans > 1).sum())
    return {
        "open_edges": int((count == 1).sum()),
        "flipped_edges": int(flipped.sum()),
        "touching": crowded + pinched,
    }


def crossing_share(vertices: np.ndarray, faces: np.ndarray, check: Check) -> float:
    """Share of the faces that an edge of another face goes through, or whose edge goes through another face."""
    tree = igl.AABB()
    tree.init(vertices, faces)
    start, end = topology.half_edges(faces)
    crossed = np.zeros(len(faces), bool)
    for part in np.array_split(np.arange(len(start)), -(-len(start) // CHUNK)):
        check()
        one, other = start[part], end[part]
        way = vertices[other] - vertices[one]
        hit, along = tree.intersect_ray_first(vertices, faces, vertices[one] + AT_ENDS * way, way)[:2]
        hit = np.asarray(hit)
        met = np.flatnonzero((hit >= 0) & (np.nan_to_num(along, nan=2) < 1 - 2 * AT_ENDS))
        corners = faces[hit[met]]
        apart = ~((corners == one[met, None]) | (corners == other[met, None])).any(1)
        crossed[part[met[apart]] // 3] = crossed[hit[met[apart]]] = True
    return float(crossed.mean())


def thinnest_wall(vertices: np.ndarray, faces: np.ndarray, check: Check) -> float:
    """Least distance from points of the surface, straight inwards, to a surface that faces away; inf without any."""
    outside = Outside(vertices, faces, check)
    chosen = outside.random.choice(len(faces), SAMPLES, p=outside.area / outside.area.sum())
    inwards = -outside.normal[chosen]
    points = outside.random_points(chosen) + outside.offset * inwards
    check()
    hit, depth = outside.tree.intersect_ray_first(vertices, faces, points, inwards)[:2]
    hit, depth = np.asarray(hit), np.asarray(depth)
    is_wall = (hit >= 0) & ((outside.normal[chosen] * outside.normal[hit]).sum(1) < ACROSS)
    return float(depth[is_wall].min(initial=np.inf))

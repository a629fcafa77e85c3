# SPDX-License-Identifier: GPL-3.0-or-later
"""Edges of a triangle soup: welding, consistent winding, which half-edges belong together, holes.

A half-edge is an edge as one face runs along it; number 3 f + k goes from corner k of face f to the next corner.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

WELD = 1e-6


def weld(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Faces (M, 3) in which vertices (N, 3) of [-1, 1]^3 that are within WELD of each other have one number.

    Those in one cell of a grid are joined, for eight grids that lie half a cell apart, so no pair falls between cells.
    """
    leaders = []
    for shift in np.ndindex(2, 2, 2):
        cell = np.floor(vertices / (2 * WELD) + np.array(shift) / 2).astype(np.int64) + (1 << 20)
        _, first, mine = np.unique(cell @ [1, 1 << 21, 1 << 42], return_index=True, return_inverse=True)
        leaders.append(first[mine])
    group = components(np.tile(np.arange(len(vertices)), 8), np.concatenate(leaders), len(vertices))
    _, first = np.unique(group, return_index=True)
    return first[group][faces]


def distinct(faces: np.ndarray) -> np.ndarray:
    """Indices of the faces (M, 3) with three different vertices, each set of vertices once."""
    a, b, c = faces.T
    whole = np.flatnonzero((a != b) & (b != c) & (c != a))
    _, first = np.unique(np.sort(faces[whole], 1), axis=0, return_index=True)
    return whole[np.sort(first)]


def apart(faces: np.ndarray) -> np.ndarray:
    """Indices of the faces (M, 3), none of which lies back to back with another one: such pairs enclose nothing."""
    _, first, group, count = np.unique(
        np.sort(faces, 1), axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    return np.flatnonzero((count[group.reshape(-1)] % 2 == 1) & (first[group.reshape(-1)] == np.arange(len(faces))))


def half_edges(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices from which and to which the half-edges run, (3 M,) each."""
    return faces.ravel(), np.roll(faces, -1, 1).ravel()


def edge_groups(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half-edges sorted by edge (3 M,), and for every edge the place of its first one and how many it has (E,)."""
    start, end = half_edges(faces)
    key = np.minimum(start, end).astype(np.int64) * (int(faces.max(initial=0)) + 1) + np.maximum(start, end)
    order = np.argsort(key, kind="stable")
    _, first, count = np.unique(key[order], return_index=True, return_counts=True)
    return order, first, count


def patches(faces: np.ndarray) -> np.ndarray:
    """Patch of every face (M,): faces that meet in edges of exactly two faces."""
    one, other = manifold_pairs(faces)
    return components(one // 3, other // 3, len(faces))


def manifold_pairs(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two half-edges of every edge that has exactly two, (P,) each."""
    order, first, count = edge_groups(faces)
    two = first[count == 2]
    return order[two], order[two + 1]


def find_flipped(faces: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """Mask (M,) of the faces to flip so that every patch is wound in one way, that of most of its area.

    Every face has two nodes in a graph, as it is and flipped; nodes of neighbours that agree are joined. A patch with
    one side only (a Moebius strip) stays as it is.
    """
    one, other = manifold_pairs(faces)
    start, _ = half_edges(faces)
    count, f, g = len(faces), one // 3, other // 3
    crossed = count * (start[one] == start[other])  # both run along the edge in one direction: one has to be flipped
    joined = np.concatenate([f, f + count]), np.concatenate([g + crossed, (g + count + crossed) % (2 * count)])
    side = components(*joined, 2 * count)
    upright = np.bincount(side[:count], areas, minlength=side.max(initial=0) + 1)
    mine, flipped = side[:count], side[count:]
    return (upright[flipped] > upright[mine]) | ((upright[flipped] == upright[mine]) & (flipped < mine))


def find_mates(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """For every half-edge the one of the face that goes on behind the edge, -1 at the rim of a hole (3 M,).

    Around an edge of more than two faces, those belong together that enclose the same part of the solid.
    """
    order, first, count = edge_groups(faces)
    start, _ = half_edges(faces)
    mates = np.full(faces.size, -1)
    one, other = order[first[count == 2]], order[first[count == 2] + 1]
    fits = start[one] != start[other]
    mates[one[fits]], mates[other[fits]] = other[fits], one[fits]
    for place, many in zip(first[count > 2], count[count > 2], strict=True):
        for a, b in pair_around(vertices, faces, order[place : place + many]):
            mates[a], mates[b] = b, a
    return mates


def pair_around(vertices: np.ndarray, faces: np.ndarray, fan: np.ndarray) -> list[tuple[int, int]]:
    """Pair the half-edges of one edge. Seen along the edge, the solid lies before a forward face and behind a backward
    one, so each backward one is closed, as by a bracket, by the next free forward one."""
    start, end = half_edges(faces)
    low, high = sorted((start[fan[0]], end[fan[0]]))
    axis = vertices[high] - vertices[low]
    tips = vertices[faces[fan // 3, (fan + 2) % 3]] - vertices[low]
    flat = tips - np.outer(tips @ axis, axis) / max(axis @ axis, 1e-300)
    across = np.cross(axis, flat[0])
    angle = np.arctan2(flat @ across * np.linalg.norm(flat[0]), flat @ flat[0] * np.linalg.norm(across))
    around = fan[np.argsort(angle, kind="stable")]
    pairs, opened, taken = [], [], set()
    for half in [*around.tolist(), *around.tolist()]:
        if half in taken:
            continue
        if start[half] == low and opened:
            pairs.append((opened.pop(), half))
            taken.add(half)
        elif start[half] != low:  # taken now, so that the second round does not open it again
            opened.append(half)
            taken.add(half)
    return pairs


def split_vertices(faces: np.ndarray, mates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One vertex for each fan of faces around it: new faces (M, 3), and the old vertex of each new one (K,)."""
    half = np.flatnonzero(mates >= 0)
    mate = mates[half]
    fan = components(np.concatenate([half, following(half)]), np.concatenate([following(mate), mate]), faces.size)
    _, corner = np.unique(fan, return_index=True)
    old = faces.ravel()[corner]
    order = np.argsort(old, kind="stable")  # as the vertices were ordered before
    return np.argsort(order)[fan].reshape(-1, 3), old[order]


def following(half: np.ndarray) -> np.ndarray:
    """The next half-edge in the same face."""
    return half - half % 3 + (half + 1) % 3


def find_loops(start: np.ndarray, end: np.ndarray) -> list[list[int]]:
    """Closed walks along directed edges, as indices of the edges; none passes through a vertex twice."""
    leaving = defaultdict(list)
    for edge, vertex in enumerate(start):
        leaving[vertex].append(edge)
    used, loops = np.zeros(len(start), bool), []
    for first in range(len(start)):
        path: list[int] = []
        place: dict[int, int] = {}  # of every vertex on the path
        edge = None if used[first] else first
        while edge is not None:
            used[edge] = True
            place[start[edge]] = len(path)
            path.append(edge)
            if (vertex := end[edge]) in place:
                cut = place[vertex]
                loops.append(path[cut:])
                for passed in path[cut:]:
                    del place[start[passed]]
                path = path[:cut]
            edge = next((e for e in leaving[vertex] if not used[e]), None)
    return loops


def components(one: np.ndarray, other: np.ndarray, count: int) -> np.ndarray:
    """Connected component (count,) of every node of a graph with edges between `one` (E,) and `other` (E,)."""
    graph = coo_array((np.ones(len(one), bool), (one, other)), shape=(count, count))
    return connected_components(graph, directed=False)[1].astype(np.int64)

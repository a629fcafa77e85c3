# SPDX-License-Identifier: GPL-3.0-or-later
"""Cutting a surface into few large charts, each of which looks about in one direction."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from ..rendering.mesh import Mesh

SMALLEST = 0.01  # share of the surface; smaller charts join a neighbour
DIRECTIONS = np.concatenate([np.eye(3), -np.eye(3)])
MOST_ROUNDS, FACES_PER_ROUND = 8, 8.0  # of averaging over neighbours; of a mesh as wide as so many faces one


def cut(mesh: Mesh) -> np.ndarray:
    """The chart of each face (M,), int64 from 0. A chart is connected over edges."""
    pairs, length = neighbours(mesh)
    normals = face_normals(mesh) * mesh.face_areas[:, None]
    between = symmetric(pairs, length, len(mesh.faces))
    rounds = min(MOST_ROUNDS, round(len(mesh.faces) ** 0.5 / FACES_PER_ROUND))
    for _ in range(rounds):  # small bumps are no charts
        around = normals + between @ normals / np.maximum(between.sum(1), 1e-12)[:, None]
        normals = around / 2
    facing = normals @ DIRECTIONS.T / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)
    label, length_around = facing.argmax(1), np.maximum(between.sum(1), 1e-12)[:, None]
    for _ in range(rounds):  # straighter borders
        label = (facing + between @ np.eye(len(DIRECTIONS))[label] / length_around).argmax(1)
    return merge_small(split_connected(label, pairs), pairs, length, mesh.face_areas)


def neighbours(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of faces (K, 2) that share an edge, and the edges' lengths (K,)."""
    pairs, edges = pairs_of(mesh.faces)
    a, b = mesh.vertices[edges].astype(np.float64).transpose(1, 0, 2)
    return pairs, np.linalg.norm(a - b, axis=1)


def pairs_of(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (K, 2) of faces (M, 3) that share an edge, and the edges' vertices (K, 2)."""
    edge = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), 1)
    order = np.lexsort((edge[:, 1], edge[:, 0]))
    same = np.flatnonzero((edge[order[:-1]] == edge[order[1:]]).all(1))
    return np.stack([order[same] // 3, order[same + 1] // 3], 1), edge[order[same]]


def grow(chosen: np.ndarray, pairs: np.ndarray, rounds: int) -> np.ndarray:
    """The chosen faces (M,) and those around them."""
    grown = chosen.copy()
    for _ in range(rounds):
        touching = grown[pairs].any(1)
        grown[pairs[touching].reshape(-1)] = True
    return grown


def symmetric(pairs: np.ndarray, weight: np.ndarray, count: int) -> csr_array:
    """A sparse matrix (count, count) with the weight of each pair, both ways."""
    rows, columns = np.concatenate([pairs, pairs[:, ::-1]]).T
    return csr_array((np.tile(weight, 2), (rows, columns)), shape=(count, count))


def face_normals(mesh: Mesh) -> np.ndarray:
    """Unit normals (M, 3); zero for faces without area."""
    a, b, c = mesh.vertices[mesh.faces].astype(np.float64).transpose(1, 0, 2)
    across = np.cross(b - a, c - a)
    return across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-20)


def split_connected(label: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Number the parts (M,) of faces of one label (M,) that hang together over the pairs (K, 2)."""
    a, b = pairs[label[pairs[:, 0]] == label[pairs[:, 1]]].T
    graph = coo_array((np.ones(len(a), bool), (a, b)), shape=(len(label), len(label)))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def merge_small(part: np.ndarray, pairs: np.ndarray, length: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """Join the parts (M,) below SMALLEST, the smallest first, with the neighbour along the longest border. The last two
    of a surface stay apart, so that it is not closed."""
    total, count = areas.sum(), part.max() + 1
    area, joined = np.bincount(part, areas, minlength=count), np.arange(count)
    border: list[dict[int, float]] = [{} for _ in range(count)]
    for (a, b), edge in zip(part[pairs].tolist(), length.tolist(), strict=True):
        if a != b:
            border[a][b] = border[a].get(b, 0.0) + edge
            border[b][a] = border[b].get(a, 0.0) + edge
    while True:
        small = [i for i in range(count) if joined[i] == i and area[i] < SMALLEST * total and has_others(border, i)]
        if not small:
            return np.unique(joined[part], return_inverse=True)[1].reshape(-1)
        gone = min(small, key=lambda i: area[i])
        into = max(border[gone], key=lambda i: border[gone][i])
        joined[joined == gone], area[into] = into, area[into] + area[gone]
        for other, edge in border[gone].items():
            del border[other][gone]
            if other != into:
                border[into][other] = border[into].get(other, 0.0) + edge
                border[other][into] = border[into][other]
        border[gone] = {}


def has_others(border: list[dict[int, float]], part: int) -> bool:
    """Whether a part has more than one neighbour, or one that has more."""
    return len(border[part]) > 1 or any(len(border[other]) > 1 for other in border[part])


def halves(mesh: Mesh, chart: np.ndarray) -> np.ndarray:
    """Whether each face lies on the far side of the middle of its chart, along the chart's longest side."""
    centres, side = mesh.vertices[mesh.faces].mean(1), np.zeros(len(chart), bool)
    for k in np.unique(chart):
        mine = np.flatnonzero(chart == k)
        along = centres[mine, np.ptp(centres[mine], axis=0).argmax()]
        side[mine] = along.argsort(kind="stable").argsort(kind="stable") >= len(mine) / 2
    return side

# SPDX-License-Identifier: GPL-3.0-or-later
"""Cutting a mesh into a few large UV islands: faces that look about in one direction, of the six along the axes."""

from __future__ import annotations

import bpy
import numpy as np

SMALLEST = 0.01  # share of the surface; smaller islands join a neighbour
MOST_ROUNDS, FACES_PER_ROUND = 8, 8.0  # of averaging over neighbours; of a mesh as wide as so many faces one
DIRECTIONS = np.concatenate([np.eye(3), -np.eye(3)])


def seams(mesh: bpy.types.Mesh) -> np.ndarray:
    """Whether each edge (E,) lies between two islands."""
    edge, first, second = face_pairs(mesh)
    length = edge_lengths(mesh)[edge]
    island = islands(*face_shapes(mesh), np.stack([first, second], 1), length)
    found = np.zeros(len(mesh.edges), bool)
    found[edge] = island[first] != island[second]
    return found


def islands(normals: np.ndarray, areas: np.ndarray, pairs: np.ndarray, length: np.ndarray) -> np.ndarray:
    """The island of each face (M,). normals (M, 3), areas (M,), pairs of faces (K, 2) that share an edge of a length
    (K,)."""
    count, around = len(normals), np.tile(length, 2)
    here, there = np.concatenate([pairs, pairs[:, ::-1]]).T
    border = np.maximum(np.bincount(here, around, minlength=count), 1e-12)[:, None]

    def average(values: np.ndarray) -> np.ndarray:
        sums = [np.bincount(here, around * values[there, i], minlength=count) for i in range(values.shape[1])]
        return np.stack(sums, 1) / border

    rounds = min(MOST_ROUNDS, round(count**0.5 / FACES_PER_ROUND))
    summed = normals * areas[:, None]
    for _ in range(rounds):  # small bumps are no islands
        summed = (summed + average(summed)) / 2
    facing = summed @ DIRECTIONS.T / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-20)
    label = facing.argmax(1)
    for _ in range(rounds):  # straighter borders
        label = (facing + average(np.eye(6)[label])).argmax(1)
    return merge_small(connected(label, pairs), pairs, length, areas)


def face_pairs(mesh: bpy.types.Mesh) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The edges (K,) between two faces, and these faces (K,) and (K,)."""
    edge, size = np.empty(len(mesh.loops), np.int32), np.empty(len(mesh.polygons), np.int32)
    mesh.loops.foreach_get("edge_index", edge)
    mesh.polygons.foreach_get("loop_total", size)
    order, face = np.argsort(edge, kind="stable"), np.repeat(np.arange(len(size)), size)
    same = np.flatnonzero(edge[order[:-1]] == edge[order[1:]])
    return edge[order[same]], face[order[same]], face[order[same + 1]]


def face_shapes(mesh: bpy.types.Mesh) -> tuple[np.ndarray, np.ndarray]:
    """Unit normals (M, 3) and areas (M,) of the faces."""
    normals, areas = np.empty(3 * len(mesh.polygons), np.float32), np.empty(len(mesh.polygons), np.float32)
    mesh.polygons.foreach_get("normal", normals)
    mesh.polygons.foreach_get("area", areas)
    return normals.reshape(-1, 3).astype(np.float64), areas.astype(np.float64)


def edge_lengths(mesh: bpy.types.Mesh) -> np.ndarray:
    places, ends = np.empty(3 * len(mesh.vertices), np.float32), np.empty(2 * len(mesh.edges), np.int32)
    mesh.vertices.foreach_get("co", places)
    mesh.edges.foreach_get("vertices", ends)
    a, b = places.reshape(-1, 3)[ends.reshape(-1, 2)].transpose(1, 0, 2)
    return np.linalg.norm(a - b, axis=1).astype(np.float64)


def connected(label: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Number the parts (M,) of faces of one label (M,) that hang together over the pairs (K, 2)."""
    a, b = pairs[label[pairs[:, 0]] == label[pairs[:, 1]]].T
    part = np.arange(len(label))
    while True:
        least, before = np.minimum(part[a], part[b]), part.copy()
        np.minimum.at(part, part[a], least)  # of the part as it was numbered, so that long parts end soon
        np.minimum.at(part, part[b], least)
        part = part[part]
        if (part == before).all():
            return np.unique(part, return_inverse=True)[1].reshape(-1)


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

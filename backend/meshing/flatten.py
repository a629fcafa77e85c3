# SPDX-License-Identifier: GPL-3.0-or-later
"""Charts of a surface laid flat with little stretch: as rigid as possible (Liu et al., A Local/Global Approach to Mesh
Parameterization, 2008), from the projection along each chart's mean normal."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_array, csr_array
from scipy.sparse.linalg import splu

from ..rendering.mesh import Mesh

ROUNDS, UNTANGLING_ROUNDS = 20, 30
STEEP = 0.9  # height of a unit normal above which a chart looks up
LEAST, MOST = 0.02, 20.0  # cotangents beyond are cut: slivers


def flatten(mesh: Mesh, chart: np.ndarray) -> np.ndarray:
    """Plane coordinates float64 (M, 3, 2) of the corners of faces in charts (M,), in the mesh's unit of length. Charts
    lie anywhere. Faces may still overlap or be turned over."""
    corner_of, vertex, home = split_vertices(mesh.faces, chart)
    frames = chart_frames(mesh, chart)
    flat = np.einsum("vk,vkj->vj", mesh.vertices[vertex].astype(np.float64), frames[home])
    shape = face_shapes(mesh)
    cotangent = cotangents(shape)
    system = splu(laplacian(corner_of, cotangent, home))
    edges = complex_edges(shape)
    gather = edge_sums(corner_of, len(flat))
    for _ in range(ROUNDS):
        wanted = cotangent * edges * turns(cotangent, edges, complex_edges(flat[corner_of]))[:, None]
        flat = system.solve(gather @ wanted.reshape(-1, 1).view(np.float64))
    return untangle(flat, corner_of)[corner_of]


def untangle(flat: np.ndarray, corner_of: np.ndarray) -> np.ndarray:
    """Turn over the faces (M, 3) that lie the wrong way: their vertices (V, 2) go to the middle of their neighbours."""
    edges = corner_of[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    ends = np.concatenate([edges, edges[:, ::-1]])
    around = csr_array((np.ones(len(ends)), ends.T), shape=(len(flat), len(flat)))
    on_border = np.bincount(around.tocoo().row, around.tocoo().data % 2) > 0  # each inner edge belongs to two faces
    degree = around.sum(1)
    for _ in range(UNTANGLING_ROUNDS):
        a, b, c = flat[corner_of].transpose(1, 0, 2)
        turned = (b - a)[:, 0] * (c - a)[:, 1] <= (b - a)[:, 1] * (c - a)[:, 0]
        moving = np.zeros(len(flat), bool)
        moving[corner_of[turned].reshape(-1)] = True
        moving &= ~on_border
        if not moving.any():
            break
        flat[moving] = (around @ flat / degree[:, None])[moving]
    return flat


def split_vertices(faces: np.ndarray, chart: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One copy of each vertex for each chart at it: the copies (M, 3) at the corners, the vertex and chart of each."""
    key = chart[:, None].astype(np.int64) * (int(faces.max()) + 1) + faces
    copies, corner_of = np.unique(key, return_inverse=True)
    home, vertex = np.divmod(copies, int(faces.max()) + 1)
    return corner_of.reshape(-1, 3), vertex, home


def chart_frames(mesh: Mesh, chart: np.ndarray) -> np.ndarray:
    """For each chart the unit vectors (C, 3, 2) to its right and up, across its mean normal: up is the world's, or away
    from the front for charts that look up or down."""
    a, b, c = mesh.vertices[mesh.faces].astype(np.float64).transpose(1, 0, 2)
    across = np.cross(b - a, c - a)
    normal = np.stack([np.bincount(chart, across[:, i]) for i in range(3)], 1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-20)
    up = np.where(np.abs(normal[:, 2:]) < STEEP, [[0.0, 0.0, 1.0]], [[0.0, 1.0, 0.0]])
    right = np.cross(up, normal)
    right /= np.maximum(np.linalg.norm(right, axis=1, keepdims=True), 1e-20)
    return np.stack([right, np.cross(normal, right)], 2)


def face_shapes(mesh: Mesh) -> np.ndarray:
    """Each triangle in a plane of its own, float64 (M, 3, 2), counter-clockwise."""
    a, b, c = mesh.vertices[mesh.faces].astype(np.float64).transpose(1, 0, 2)
    along, to_c = b - a, c - a
    base = np.linalg.norm(along, axis=1)
    x = (to_c * along).sum(1) / np.maximum(base, 1e-20)
    y = np.linalg.norm(np.cross(along, to_c), axis=1) / np.maximum(base, 1e-20)
    zero = np.zeros_like(base)
    return np.stack([zero, zero, base, zero, x, y], 1).reshape(-1, 3, 2)


def cotangents(shape: np.ndarray) -> np.ndarray:
    """The cotangent (M, 3) of the angle opposite to the edge from corner i to the next one."""
    a, b = shape - shape[:, [2, 0, 1]], shape[:, [1, 2, 0]] - shape[:, [2, 0, 1]]
    area = np.abs(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])
    return np.clip((a * b).sum(-1) / np.maximum(area, 1e-20), LEAST, MOST)


def laplacian(corner_of: np.ndarray, weight: np.ndarray, home: np.ndarray) -> csc_array:
    """The edges' weights (M, 3) as a sparse matrix over the vertices' copies; one of each chart is held where it is."""
    a, b, w = corner_of.reshape(-1), corner_of[:, [1, 2, 0]].reshape(-1), weight.reshape(-1)
    held = np.unique(home, return_index=True)[1]
    rows, columns = np.concatenate([a, b, a, b, held]), np.concatenate([a, b, b, a, held])
    values = np.concatenate([w, w, -w, -w, np.full(len(held), 1.0)])
    return csc_array((values, (rows, columns)), shape=(len(home), len(home)))


def edge_sums(corner_of: np.ndarray, count: int) -> csr_array:
    """A sparse matrix (count, 3 M) that adds what edges carry, of corners i to the next ones, at the ends to which they
    lead, and takes it off at the others."""
    start, end = corner_of.reshape(-1), corner_of[:, [1, 2, 0]].reshape(-1)
    edge, one = np.arange(len(start)), np.ones(len(start))
    places = np.concatenate([end, start]), np.concatenate([edge, edge])
    return csr_array((np.concatenate([one, -one]), places), shape=(count, len(start)))


def complex_edges(corners: np.ndarray) -> np.ndarray:
    """The edges of triangles (M, 3, 2) from corner i to the next one, as complex numbers (M, 3)."""
    return (corners[:, [1, 2, 0]] - corners).view(np.complex128)[..., 0]


def turns(weight: np.ndarray, edges: np.ndarray, now: np.ndarray) -> np.ndarray:
    """The rotations, complex numbers (M,), that bring complex edges (M, 3) nearest to where they are now (M, 3), by
    weighted least squares."""
    turn = (weight * now * edges.conj()).sum(1)
    return turn / np.maximum(np.abs(turn), 1e-20)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Distances between meshes in the unit cube, and between pictures.

Meshes are compared by SAMPLES points drawn evenly from each surface:
Chamfer distance (L1 form): half of [mean distance from a to b + mean distance from b to a], in units of the cube.
F-score at d: harmonic mean of precision and recall, the shares of points that have a point of the other within d.
`align` first takes the best similarity off, as published figures of single images have it (TripoSR's report, SF3D).
Volume IoU: inside is where the generalised winding number is at least one half, so open meshes count too.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree

from ..meshing.clean import select_faces
from ..rendering.mesh import Mesh
from ..training.meshes import normalise_vertices

SAMPLES = 10_000
F_DISTANCES = (0.05, 0.02)
IOU_RESOLUTION = 64
ALIGNED_SAMPLES, ALIGNMENTS = 2000, 20  # points, and times that they are matched


def compare_meshes(mesh: Mesh, truth: Mesh, seed: int = 0) -> dict[str, float]:
    """chamfer, f_score_0.05, f_score_0.02 and volume_iou of a mesh against the true one, in the same frame.

    An empty mesh is as wrong as can be: infinite distance, no overlap.
    """
    overlap = volume_iou(mesh, truth) if mesh.face_areas.sum() else 0.0
    return compare_surfaces(mesh, truth, seed) | {"volume_iou": overlap}


def compare_surfaces(mesh: Mesh, truth: Mesh, seed: int = 0) -> dict[str, float]:
    """chamfer, f_score_0.05 and f_score_0.02 alone."""
    names = [f"f_score_{d}" for d in F_DISTANCES]
    if not mesh.face_areas.sum():
        return {"chamfer": float("inf"), **dict.fromkeys(names, 0.0)}
    a, b = sample_surface(mesh, SAMPLES, seed), sample_surface(truth, SAMPLES, seed + 1)
    there, back = nearest_distances(a, b), nearest_distances(b, a)
    scores = {name: f_score(there, back, d) for name, d in zip(names, F_DISTANCES, strict=True)}
    return {"chamfer": float(there.mean() + back.mean()) / 2, **scores}


def normalise(mesh: Mesh) -> Mesh:
    """Move the box's centre to the origin and scale the farthest vertex to distance 0.5, as the training data is."""
    mesh = select_faces(mesh, np.ones(len(mesh.faces), bool))  # vertices that no face uses do not count
    return Mesh(normalise_vertices(mesh.vertices), mesh.faces, mesh.vertex_colors, mesh.uv, mesh.texture)


def align(mesh: Mesh, truth: Mesh, seed: int = 0) -> Mesh:
    """The mesh moved, turned and scaled until it lies best on the true one, from where it is: iterated closest points
    (Besl and McKay 1992) of both surfaces, each time by the least squares similarity (Umeyama 1991)."""
    points, goal = (sample_surface(m, ALIGNED_SAMPLES, seed + i) for i, m in enumerate((mesh, truth)))
    vertices, tree = mesh.vertices.astype(np.float64), KDTree(goal)
    for _ in range(ALIGNMENTS):
        there, back = tree.query(points)[1], KDTree(points).query(goal)[1]
        scale, turn, shift = similarity(np.concatenate([points, points[back]]), np.concatenate([goal[there], goal]))
        points, vertices = (scale * p @ turn.T + shift for p in (points, vertices))
    return Mesh(vertices, mesh.faces, mesh.vertex_colors, mesh.uv, mesh.texture)


def similarity(a: np.ndarray, b: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, rotation (3, 3) and shift (3,) that bring points a (N, 3) nearest to b (N, 3) (Umeyama 1991)."""
    middle_a, middle_b = a.mean(0), b.mean(0)
    a, b = a - middle_a, b - middle_b
    u, size, v = np.linalg.svd(b.T @ a)
    sign = np.array([1, 1, np.sign(np.linalg.det(u @ v))])
    turn = (u * sign) @ v
    scale = float((size * sign).sum() / (a**2).sum())
    return scale, turn, middle_b - scale * turn @ middle_a


def sample_surface(mesh: Mesh, count: int, seed: int) -> np.ndarray:
    """`count` points (count, 3), float64, even over the area; the same for the same seed.

    Faces are drawn by stratified area, so that no part of the surface is left out by chance.
    """
    rng = np.random.default_rng(seed)
    ends = np.cumsum(mesh.face_areas)
    places = (np.arange(count) + rng.random(count)) / count * ends[-1]
    face = np.minimum(np.searchsorted(ends, places, side="right"), len(ends) - 1)
    a, b, c = mesh.vertices[mesh.faces[face]].astype(np.float64).transpose(1, 0, 2)
    u, v = np.sqrt(rng.random((count, 1))), rng.random((count, 1))
    return (1 - u) * a + u * (1 - v) * b + u * v * c


def nearest_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distance from every point of a (N, 3) to the nearest of b (M, 3) -> (N,)."""
    return KDTree(b).query(a)[0]


def f_score(there: np.ndarray, back: np.ndarray, distance: float) -> float:
    """Harmonic mean of the shares of `there` (precision) and `back` (recall) that are within `distance`."""
    precision, recall = float((there <= distance).mean()), float((back <= distance).mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def volume_iou(a: Mesh, b: Mesh, resolution: int = IOU_RESOLUTION) -> float:
    """Overlap of two solids at the cell centres of a grid over both and over [-0.5, 0.5]^3; 0 if none has volume."""
    corners = np.concatenate([a.vertices, b.vertices, [[-0.5] * 3, [0.5] * 3]])
    low, high = corners.min(0), corners.max(0)
    share = (np.arange(resolution) + 0.5) / resolution
    points = low + (high - low) * np.stack(np.meshgrid(share, share, share, indexing="ij"), -1).reshape(-1, 3)
    in_a, in_b = (is_inside(m, points) for m in (a, b))
    union = (in_a | in_b).sum()
    return float((in_a & in_b).sum() / union) if union else 0.0


def is_inside(mesh: Mesh, points: np.ndarray) -> np.ndarray:
    """Points (N, 3) -> bool (N,): winding number at least one half. Beyond the mesh's box nobody has to be asked."""
    in_box = ((points >= mesh.vertices.min(0)) & (points <= mesh.vertices.max(0))).all(1)
    inside = np.zeros(len(points), bool)
    if in_box.any():
        inside[in_box] = winding_number(mesh, points[in_box]) >= 0.5
    return inside


def winding_number(mesh: Mesh, points: np.ndarray) -> np.ndarray:
    """Generalised winding number of points (N, 3) -> (N,): 1 inside, 0 outside, between them near holes.

    libigl's fast one where it is installed, else `exact_winding_number`.
    """
    vertices, faces = mesh.vertices.astype(np.float64), mesh.faces.astype(np.int64)
    try:
        import igl
    except ImportError:
        return exact_winding_number(mesh, points)
    return np.asarray(igl.fast_winding_number(vertices, faces, np.ascontiguousarray(points, np.float64)))


def exact_winding_number(mesh: Mesh, points: np.ndarray) -> np.ndarray:
    """Sum of the faces' signed solid angles (Van Oosterom and Strackee 1983) over 4 pi; costs points x faces."""
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    winding = np.zeros(len(points))
    size = max(1, 2_000_000 // max(1, len(corners)))
    for start in range(0, len(points), size):
        a, b, c = (corners[None, :, i] - points[start : start + size, None] for i in range(3))
        la, lb, lc = (np.linalg.norm(x, axis=-1) for x in (a, b, c))
        determinant = (a * np.cross(b, c)).sum(-1)
        dots = la * lb * lc + (a * b).sum(-1) * lc + (b * c).sum(-1) * la + (c * a).sum(-1) * lb
        winding[start : start + size] = np.arctan2(determinant, dots).sum(1) / (2 * np.pi)
    return winding


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of two pictures of one shape, values 0..1; infinite when they are equal."""
    error = float(((a.astype(np.float64) - b.astype(np.float64)) ** 2).mean())
    return float("inf") if error == 0 else -10 * np.log10(error)


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Structural similarity (Wang 2004) of two pictures (H, W) or (H, W, C), values 0..1, mean over channels.

    Gaussian window 11 x 11, sigma 1.5, K = 0.01 and 0.03; mean where the window lies inside. At least 11 x 11 pixels.
    """
    if a.shape != b.shape or min(a.shape[:2]) < 11:
        raise ValueError(f"SSIM needs pictures of one shape, at least 11 x 11 pixels, not {a.shape} and {b.shape}.")
    a, b = (x.reshape(*x.shape[:2], -1).astype(np.float64) for x in (a, b))

    def blur(x: np.ndarray) -> np.ndarray:
        return gaussian_filter(x, (1.5, 1.5, 0), radius=(5, 5, 0))[5:-5, 5:-5]

    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b, both = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2, blur(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    top = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    return float((top / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))).mean())

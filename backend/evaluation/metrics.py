# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics between meshes in the unit cube and between images.

Meshes are compared by SAMPLES points drawn evenly from each surface:
Chamfer distance (L1 form): half of [mean distance from a to b + mean distance from b to a], in units of the cube.
F-score at d: harmonic mean of precision and recall, the shares of points within d of the other set.
Volume IoU: a point is inside if the generalised winding number is at least one half, so open meshes count too.
`align` removes the best similarity first, as in published single-image results (TripoSR's report, SF3D).
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
ICP_SAMPLES, ICP_ITERATIONS = 2000, 20


def compare_meshes(mesh: Mesh, truth: Mesh, seed: int = 0) -> dict[str, float]:
    """Compute chamfer, f_score_0.05, f_score_0.02 and volume_iou of a mesh against the true one, in one frame.

    An empty mesh has infinite Chamfer distance and no overlap.
    """
    overlap = volume_iou(mesh, truth) if mesh.face_areas.sum() else 0.0
    return compare_surfaces(mesh, truth, seed) | {"volume_iou": overlap}


def compare_surfaces(mesh: Mesh, truth: Mesh, seed: int = 0) -> dict[str, float]:
    """Compute chamfer, f_score_0.05 and f_score_0.02, without the volume."""
    names = [f"f_score_{d}" for d in F_DISTANCES]
    if not mesh.face_areas.sum():
        return {"chamfer": float("inf"), **dict.fromkeys(names, 0.0)}
    a, b = sample_surface(mesh, SAMPLES, seed), sample_surface(truth, SAMPLES, seed + 1)
    there, back = nearest_distances(a, b), nearest_distances(b, a)
    scores = {name: f_score(there, back, d) for name, d in zip(names, F_DISTANCES, strict=True)}
    return {"chamfer": float(there.mean() + back.mean()) / 2, **scores}


def normalise(mesh: Mesh) -> Mesh:
    """Normalise as the training data: box centre at the origin, farthest vertex at distance 0.5."""
    mesh = select_faces(mesh, np.ones(len(mesh.faces), bool))  # drops unused vertices
    return Mesh(normalise_vertices(mesh.vertices), mesh.faces, mesh.vertex_colors, mesh.uv, mesh.texture)


def align(mesh: Mesh, truth: Mesh, seed: int = 0) -> Mesh:
    """Register the mesh to the true one by a similarity: iterative closest points (Besl and McKay 1992) in both
    directions, each time with the least squares similarity (Umeyama 1991)."""
    points, goal = (sample_surface(m, ICP_SAMPLES, seed + i) for i, m in enumerate((mesh, truth)))
    vertices = mesh.vertices.astype(np.float64)
    tree = KDTree(goal)
    for _ in range(ICP_ITERATIONS):
        there, back = tree.query(points)[1], KDTree(points).query(goal)[1]
        scale, turn, shift = similarity(np.concatenate([points, points[back]]), np.concatenate([goal[there], goal]))
        points, vertices = (scale * p @ turn.T + shift for p in (points, vertices))
    return Mesh(vertices, mesh.faces, mesh.vertex_colors, mesh.uv, mesh.texture)


def similarity(a: np.ndarray, b: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Least squares scale, rotation (3, 3) and shift (3,) from points a (N, 3) to b (N, 3) (Umeyama 1991)."""
    middle_a, middle_b = a.mean(0), b.mean(0)
    a, b = a - middle_a, b - middle_b
    u, size, v = np.linalg.svd(b.T @ a)
    sign = np.array([1, 1, np.sign(np.linalg.det(u @ v))])
    turn = (u * sign) @ v
    scale = float((size * sign).sum() / (a**2).sum())
    return scale, turn, middle_b - scale * turn @ middle_a


def sample_surface(mesh: Mesh, count: int, seed: int) -> np.ndarray:
    """Sample `count` points (count, 3), float64, uniformly over the surface, with a seed.

    Faces are drawn by stratified sampling of the area, so that no part of the surface is missed by chance.
    """
    rng = np.random.default_rng(seed)
    ends = np.cumsum(mesh.face_areas)
    positions = (np.arange(count) + rng.random(count)) / count * ends[-1]
    face = np.minimum(np.searchsorted(ends, positions, side="right"), len(ends) - 1)
    a, b, c = mesh.vertices[mesh.faces[face]].astype(np.float64).transpose(1, 0, 2)
    u, v = np.sqrt(rng.random((count, 1))), rng.random((count, 1))
    return (1 - u) * a + u * (1 - v) * b + u * v * c


def nearest_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distances (N,) from points a (N, 3) to their nearest neighbours in b (M, 3)."""
    return KDTree(b).query(a)[0]


def f_score(there: np.ndarray, back: np.ndarray, distance: float) -> float:
    """Harmonic mean of precision and recall, the shares of distances `there` and `back` within `distance`."""
    precision, recall = float((there <= distance).mean()), float((back <= distance).mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def volume_iou(a: Mesh, b: Mesh, resolution: int = IOU_RESOLUTION) -> float:
    """IoU of two solids on a grid over both and over [-0.5, 0.5]^3; 0 if neither has volume."""
    corners = np.concatenate([a.vertices, b.vertices, [[-0.5] * 3, [0.5] * 3]])
    low, high = corners.min(0), corners.max(0)
    share = (np.arange(resolution) + 0.5) / resolution
    points = low + (high - low) * np.stack(np.meshgrid(share, share, share, indexing="ij"), -1).reshape(-1, 3)
    in_a, in_b = (is_inside(m, points) for m in (a, b))
    union = (in_a | in_b).sum()
    return float((in_a & in_b).sum() / union) if union else 0.0


def is_inside(mesh: Mesh, points: np.ndarray) -> np.ndarray:
    """bool (N,): whether the winding number at points (N, 3) is at least one half. Only the mesh's box is evaluated."""
    in_box = ((points >= mesh.vertices.min(0)) & (points <= mesh.vertices.max(0))).all(1)
    inside = np.zeros(len(points), bool)
    if in_box.any():
        inside[in_box] = winding_number(mesh, points[in_box]) >= 0.5
    return inside


def winding_number(mesh: Mesh, points: np.ndarray) -> np.ndarray:
    """Generalised winding number (N,) at points (N, 3): 1 inside, 0 outside, in between near holes.

    Uses libigl's fast approximation if it is installed, else `exact_winding_number`.
    """
    vertices, faces = mesh.vertices.astype(np.float64), mesh.faces.astype(np.int64)
    try:
        import igl
    except ImportError:
        return exact_winding_number(mesh, points)
    return np.asarray(igl.fast_winding_number(vertices, faces, np.ascontiguousarray(points, np.float64)))


def exact_winding_number(mesh: Mesh, points: np.ndarray) -> np.ndarray:
    """Winding number (N,) as the sum of the faces' signed solid angles (Van Oosterom and Strackee 1983) over 4 pi.

    Takes time proportional to points x faces.
    """
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
    """Peak signal-to-noise ratio in dB of two images of one shape, values 0..1; infinite for equal images."""
    error = float(((a.astype(np.float64) - b.astype(np.float64)) ** 2).mean())
    return float("inf") if error == 0 else -10 * float(np.log10(error))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Structural similarity (Wang 2004) of two images (H, W) or (H, W, C), values 0..1, mean over channels.

    Gaussian window 11 x 11, sigma 1.5, K = 0.01 and 0.03, averaged where the window lies inside. Raises ValueError for
    different shapes and for less than 11 x 11 pixels.
    """
    if a.shape != b.shape or min(a.shape[:2]) < 11:
        raise ValueError(f"SSIM needs images of one shape, at least 11 x 11 pixels, not {a.shape} and {b.shape}.")
    a, b = (x.reshape(*x.shape[:2], -1).astype(np.float64) for x in (a, b))

    def blur(x: np.ndarray) -> np.ndarray:
        return gaussian_filter(x, (1.5, 1.5, 0), radius=(5, 5, 0))[5:-5, 5:-5]

    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b, both = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2, blur(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    top = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    return float((top / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))).mean())

# SPDX-License-Identifier: GPL-3.0-or-later
"""Symmetries of an upright object: mirror planes that stand vertical and turns about a vertical axis.

Found from guesses all around, each refined by iterative closest points, measured to the surface's tangent planes (Chen
and Medioni 1992).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from ..rendering.mesh import Mesh

SAMPLES, MOVED = 6000, 500  # points on the surface, and those of them that a symmetry moves back onto it
NORMAL_WEIGHT = 0.05  # world units that a turn of a normal by a radian is worth, so that thin parts have two sides
PLANES = 18  # mirror planes to begin with, 10 degrees apart
TURNS = (180.0, 90.0, 270.0)  # degrees
MOST_REFINED, ROUNDS = 8, 4
TRIMMED = 0.8  # share of the pairs of points that are used: a handle has no counterpart
DAMPING = 1e-4  # of the fits, beside a surface whose normals all determine an unknown
SAME = 0.02  # world units between the points that two symmetries make, below which they are one


@dataclass
class Symmetry:
    """A map of world points onto the object's counterparts: x -> matrix x + offset."""

    matrix: np.ndarray  # (3, 3), orthogonal, leaves the vertical as it is
    offset: np.ndarray  # (3,)
    residual: float = np.inf  # mean distance of moved points to the surface, beyond that between samples; world units

    def move(self, points: np.ndarray) -> np.ndarray:
        """Counterparts (N, 3) of points."""
        return points @ self.matrix.T + self.offset

    def turn(self, normals: np.ndarray) -> np.ndarray:
        """Counterparts (N, 3) of normals."""
        return normals @ self.matrix.T


def find_symmetries(points: np.ndarray, normals: np.ndarray, largest: float) -> list[Symmetry]:
    """Symmetries of a surface given by samples (N, 3) and their unit normals, best first, none of them twice.

    largest: residual up to which a map counts as a symmetry, in world units.
    """
    tree = KDTree(np.concatenate([points, NORMAL_WEIGHT * normals], 1))
    moved = points[:MOVED], normals[:MOVED]
    spacing = float(tree.query(np.concatenate([moved[0], NORMAL_WEIGHT * moved[1]], 1), 2)[0][:, 1].mean())
    guesses = [judge(guess, tree, *moved, spacing)[0] for guess in first_guesses(points.mean(0))]
    found: list[Symmetry] = []
    for guess in sorted(guesses, key=lambda s: s.residual)[:MOST_REFINED]:
        symmetry = refine(guess, tree, *moved, spacing)
        if symmetry.residual <= largest:
            found.append(symmetry)
    return without_repeats(sorted(found, key=lambda s: s.residual), moved[0])


def sample_surface(mesh: Mesh, count: int = SAMPLES, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points (count, 3) spread evenly over a mesh, float32, and the unit normals of their faces."""
    rng = np.random.default_rng(seed)
    areas = mesh.face_areas
    face = rng.choice(len(areas), count, p=areas / areas.sum())
    a, b, c = mesh.vertices[mesh.faces[face]].transpose(1, 0, 2)
    root, share = np.sqrt(rng.random((count, 1))), rng.random((count, 1))
    points = a * (1 - root) + b * root * (1 - share) + c * root * share
    normals = np.cross(b - a, c - a)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return points.astype(np.float32), normals.astype(np.float32)


def first_guesses(middle: np.ndarray) -> list[Symmetry]:
    """Mirror planes and turns through a point (3,)."""
    guesses = [about(reflection(np.pi * i / PLANES), middle) for i in range(PLANES)]
    return guesses + [about(rotation(np.radians(degrees)), middle) for degrees in TURNS]


def about(matrix: np.ndarray, middle: np.ndarray) -> Symmetry:
    """A linear map (3, 3), made to leave `middle` where it is."""
    return Symmetry(matrix, middle - matrix @ middle)


def reflection(angle: float) -> np.ndarray:
    """Mirrors (3, 3) at the vertical plane that holds the direction (cos, sin) of `angle`, in radians."""
    c, s = np.cos(2 * angle), np.sin(2 * angle)
    return np.array([[c, s, 0], [s, -c, 0], [0, 0, 1]])


def rotation(angle: float) -> np.ndarray:
    """Turns (3, 3) about the vertical by `angle`, in radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def judge(
    symmetry: Symmetry, tree: KDTree, points: np.ndarray, normals: np.ndarray, spacing: float
) -> tuple[Symmetry, np.ndarray, np.ndarray]:
    """The symmetry with its residual, the tree's nearest sample to each moved point (N,), and the distances (N,)."""
    query = np.concatenate([symmetry.move(points), NORMAL_WEIGHT * symmetry.turn(normals)], 1)
    distance, nearest = tree.query(query)
    residual = max(0.0, float(distance.mean()) - spacing)
    return Symmetry(symmetry.matrix, symmetry.offset, residual), np.asarray(nearest), distance


def refine(symmetry: Symmetry, tree: KDTree, points: np.ndarray, normals: np.ndarray, spacing: float) -> Symmetry:
    """The best of ROUNDS fits to the planes of the samples nearest to the moved points."""
    samples = np.asarray(tree.data)
    best, nearest, distance = judge(symmetry, tree, points, normals, spacing)
    for _ in range(ROUNDS):
        near = distance <= np.quantile(distance, TRIMMED)
        target = samples[nearest[near]]
        fitted = fit(best, points[near], target[:, :3], target[:, 3:] / NORMAL_WEIGHT)
        symmetry, nearest, distance = judge(fitted, tree, points, normals, spacing)
        best = min(best, symmetry, key=lambda s: s.residual)
    return best


def fit(symmetry: Symmetry, points: np.ndarray, targets: np.ndarray, normals: np.ndarray) -> Symmetry:
    """One step towards the map that brings points (N, 3) onto the planes through targets with these unit normals.

    A mirror plane turns about the vertical and shifts; of a turn, the axis shifts. Least squares, damped so that what
    the planes do not determine, as a cylinder's mirror planes, stays as it is.
    """
    is_mirror = np.linalg.det(symmetry.matrix) < 0
    turned = points @ symmetry.matrix.T
    misses = ((targets - turned - symmetry.offset) * normals).sum(1)
    sideways = normals[:, 1] * turned[:, 0] - normals[:, 0] * turned[:, 1]  # by which a turn moves along the normals
    system = np.stack([sideways * is_mirror, normals[:, 0], normals[:, 1]], 1)
    angle, x, y = np.linalg.solve(system.T @ system + DAMPING * len(points) * np.eye(3), system.T @ misses)
    matrix = rotation(angle) @ symmetry.matrix
    offset = symmetry.offset + np.array([x, y, 0])
    if is_mirror:  # no gliding along the plane: what is left points across it
        offset = (offset - matrix @ offset) / 2
    return Symmetry(matrix, offset)


def without_repeats(symmetries: list[Symmetry], points: np.ndarray) -> list[Symmetry]:
    """Those that move points (N, 3) elsewhere than all before them."""
    kept: list[Symmetry] = []
    for symmetry in symmetries:
        moved = symmetry.move(points)
        if all(np.linalg.norm(moved - other.move(points), axis=1).mean() > SAME for other in kept):
            kept.append(symmetry)
    return kept

# SPDX-License-Identifier: GPL-3.0-or-later
"""UV maps of few large charts with little stretch, which stand upright where they can."""

from __future__ import annotations

import numpy as np

from ..rendering.mesh import Mesh
from . import charts
from .flatten import flatten
from .packing import pack, signed_areas, texels_in

EXPECTED_COVERAGE = 0.6  # share of the texture that charts fill
MOST_PARTINGS = 12  # of a chart
SPOT_ROUNDS, LARGEST_SPOT = 3, 0.4  # faces around wrong ones that are cut out of a chart, if they are but this share
MOST_STRETCH = 1.0  # relative error of a face's area
EDGE = 1e-4  # barycentric weight below which a texel's centre lies on an edge
FEW = 0.0003  # share of the surface that may be wrong in one place: slivers


def unwrap(mesh: Mesh, side: int) -> np.ndarray:
    """UV coordinates float32 (M, 3, 2) of the faces' corners in 0..1, u to the right, v up.

    A few large charts, which keep their distance for a texture of `side` texels.
    """
    texel = np.sqrt(mesh.face_areas.sum() / EXPECTED_COVERAGE) / side
    chart, flat = lay_flat(mesh, texel)
    return pack(chart, flat, side)


def lay_flat(mesh: Mesh, texel: float) -> tuple[np.ndarray, np.ndarray]:
    """The chart of each face (M,), and its corners in its chart's plane (M, 3, 2), in the mesh's unit. Charts that
    overlap themselves by texels of this width, or stretch the surface too much, are parted until they do not."""
    chart = charts.cut(mesh)
    flat, pairs = flatten(mesh, chart), charts.neighbours(mesh)[0]
    changed = np.ones(len(chart), bool)
    for _ in range(MOST_PARTINGS):
        wrong = wrong_faces(mesh, chart, flat, texel, pairs, changed)
        changed = (np.bincount(chart, wrong) > 0)[chart] & (np.bincount(chart) > 1)[chart]
        if not changed.any():
            break
        spot = charts.grow(wrong, pairs, SPOT_ROUNDS)
        is_spot = (share_of(mesh, chart, spot) < LARGEST_SPOT)[chart]
        apart = np.where(is_spot, spot, charts.halves(mesh, chart)) & changed
        chart = charts.split_connected(chart + (chart.max() + 1) * apart, pairs)
        part = Mesh(mesh.vertices, mesh.faces[changed], mesh.vertex_colors)
        flat[changed] = flatten(part, np.unique(chart[changed], return_inverse=True)[1].reshape(-1))
    return chart, flat


def wrong_faces(
    mesh: Mesh, chart: np.ndarray, flat: np.ndarray, texel: float, pairs: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """Whether each of the asked faces (M,) is stretched or lies on another one of its chart, together with more such
    faces around it; single slivers do not matter. Of a chart, all faces are asked or none."""
    wrong = (np.abs(signed_areas(flat) - mesh.face_areas) > MOST_STRETCH * mesh.face_areas) & asked
    wrong[asked] |= lies_twice(chart[asked], flat[asked], texel)
    spot = charts.split_connected(np.where(charts.grow(wrong, pairs, 1), -1, chart), pairs)
    area = np.bincount(spot, mesh.face_areas * wrong)
    return wrong & (area > FEW * mesh.face_areas.sum())[spot]


def lies_twice(chart: np.ndarray, flat: np.ndarray, texel: float) -> np.ndarray:
    """Whether each triangle (K, 3, 2) covers a texel's centre that another one of its chart (K,) covers too."""
    low = np.full((chart.max() + 1, 2), np.inf)
    np.minimum.at(low, chart, flat.min(1))
    places = (flat - low[chart][:, None]) / texel
    width, height = np.ceil(places.max((0, 1))).astype(np.int64) + 1
    found, owners = [], []
    for row, column, face, weight in texels_in(places):
        inside = weight.min(1) > EDGE  # texels on an edge belong to two faces
        found.append(((chart[face] * height + row) * width + column)[inside])
        owners.append(face[inside])
    _, index, count = np.unique(np.concatenate(found), return_inverse=True, return_counts=True)
    twice = np.zeros(len(flat), bool)
    twice[np.concatenate(owners)[count[index] > 1]] = True
    return twice


def share_of(mesh: Mesh, chart: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The chosen faces' (M,) share of each chart's (C,) area."""
    return np.bincount(chart, mesh.face_areas * chosen) / np.maximum(np.bincount(chart, mesh.face_areas), 1e-20)

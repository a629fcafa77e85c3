# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns a mesh whose model chose its own front until its front is the image's view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
from scipy.optimize import minimize

from ..meshing.clean import decimate
from ..rendering.mesh import Mesh
from .match_camera import match_camera

FACES = 3_000  # of the mesh whose outline is compared
SMALL = 96  # pixels of the image's longer side, where sides are compared first
AZIMUTHS = range(-75, 76, 15)  # degrees. No farther: from behind, outlines are those from in front, mirrored
ELEVATIONS = range(-10, 50, 10)  # degrees
EVALUATIONS = 30  # that make the best of these more accurate
MIN_GAIN = 0.04  # of the silhouettes' intersection over union, from which on another side than the front is believed
HALF = 0.5  # half side of the cube that a mesh fits


def turn_to_view(mesh: Mesh, alpha: np.ndarray, watch: Callable[[], None] = lambda: None) -> tuple[Mesh, float]:
    """The mesh, turned about z so that an image with alpha (H, W) shows its front; and the azimuth in degrees from
    which the image showed it before, 0 if no other side's outline fits the image's clearly better.

    watch: called many times a second, so that it may raise to stop.
    """
    outline = decimate(mesh, FACES)

    def overlap(azimuth: float, elevation: float, alpha: np.ndarray) -> float:
        watch()
        return match_camera(turned(outline, azimuth), alpha, elevation).get("iou", 0.0)

    small = alpha[:: (step := -(-max(alpha.shape) // SMALL)), ::step]
    overlaps = {view: overlap(*view, small) for view in product(AZIMUTHS, ELEVATIONS)}
    best = max(overlaps, key=lambda view: overlaps[view])
    front = max(found for (azimuth, _), found in overlaps.items() if not azimuth)
    if overlaps[best] < front + MIN_GAIN:
        return mesh, 0.0
    simplex = [best, (best[0] + 6, best[1]), (best[0], best[1] + 6)]
    options = {"initial_simplex": simplex, "maxfev": EVALUATIONS, "xatol": 0.5, "fatol": 1e-3}
    found = minimize(lambda v: -overlap(v[0], v[1], alpha), best, method="Nelder-Mead", options=options)
    azimuth = float(found.x[0])
    return turned(mesh, azimuth), round(azimuth, 1)


def turned(mesh: Mesh, azimuth_deg: float) -> Mesh:
    """The mesh with its side at an azimuth turned to the front, smaller if it would exceed its cube."""
    a = np.radians(azimuth_deg)
    turn = np.array([[np.cos(a), np.sin(a), 0], [-np.sin(a), np.cos(a), 0], [0, 0, 1]], np.float32)
    vertices = mesh.vertices @ turn.T
    reach = max(HALF, float(np.abs(mesh.vertices).max()))
    return replace(mesh, vertices=vertices * np.float32(min(1.0, reach / float(np.abs(vertices).max()))))

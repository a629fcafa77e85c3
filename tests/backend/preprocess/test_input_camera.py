# SPDX-License-Identifier: GPL-3.0-or-later
"""The camera of the input."""

import itertools
import math

import numpy as np
import pytest
import torch
import trimesh

from backend.interface.view_set import FOV_DEG, RADIUS
from backend.preprocess.framing import frame
from backend.preprocess.input_camera import DEPTH_SPREAD, ELEVATION_SPREAD, input_camera, vary
from backend.rendering.cameras import Camera, orbit
from backend.rendering.mesh import Mesh
from backend.rendering.rasteriser import render_mesh
from backend.runtime.images import on_white

GIVEN = {"elevation_deg": 35.0, "is_estimated": False}
ESTIMATED = {"elevation_deg": 35.0, "is_estimated": True}


def test_the_starter_estimates_elevation_and_distance():
    """A box whose sides differ in their greys, and are seen under a known angle; and from how far."""
    box = trimesh.creation.box(np.array([0.4, 0.5, 0.3]) / 0.5**0.5)  # in the unit sphere, as what it was trained on
    corners, faces = box.triangles.reshape(-1, 3).astype(np.float32), np.arange(36, dtype=np.int32).reshape(-1, 3)
    grey = np.repeat(150 + 70 * box.face_normals @ [-0.4, -0.5, 0.75], 3)[:, None]
    mesh = Mesh(corners, faces, np.concatenate([np.repeat(grey, 3, 1), np.full((36, 1), 255)], 1).astype(np.uint8))
    seen = {}
    for elevation in (0, 20, 40):
        rgba = render_mesh(mesh, Camera(orbit(30, elevation, RADIUS), FOV_DEG, 256, 256)).numpy()
        framed, window = frame(rgba, 64)
        picture = torch.from_numpy(on_white(framed)).permute(2, 0, 1)[None] * 2 - 1
        seen[elevation], distance = input_camera("starter", picture, **ESTIMATED)
        assert input_camera("starter", picture, **GIVEN) == (35.0, distance)
        assert distance == pytest.approx(RADIUS * window.side / 256, rel=0.1)
    assert all(abs(found - true) < 15 for true, found in seen.items()), seen
    assert seen[0] + 10 < seen[20] < seen[40] - 10


def test_published_weights_use_the_given_camera():
    assert input_camera("zero123", torch.zeros(1, 3, 256, 256), **ESTIMATED) == (35.0, RADIUS)


def test_seeds_draw_from_the_spread_of_the_estimates_errors():
    """The standard deviation of n normal numbers is known to sigma / sqrt(2 n), their mean to sigma / sqrt(n), and the
    correlation of two independent rows to 1 / sqrt(n)."""
    n = 2000
    elevations, factors = np.array([vary(20, seed) for seed in range(1, n + 1)]).T
    for drawn, middle, spread in ((elevations, 20, ELEVATION_SPREAD), (np.log(factors), 0, DEPTH_SPREAD)):
        assert abs(drawn.std() - spread) < 3 * spread / math.sqrt(2 * n)
        assert abs(drawn.mean() - middle) < 3 * spread / math.sqrt(n)
        assert np.mean(np.abs(drawn - middle) < spread) == pytest.approx(math.erf(0.5**0.5), abs=3 * 0.5 / math.sqrt(n))
    assert abs(np.corrcoef(elevations, factors)[0, 1]) < 3 / math.sqrt(n)


def test_the_first_variations_differ_and_none_is_an_outlier():
    drawn = [vary(20, seed) for seed in range(8)]
    assert drawn[0] == (20, 1)
    errors = [((elevation - 20) / ELEVATION_SPREAD, math.log(factor) / DEPTH_SPREAD) for elevation, factor in drawn]
    assert np.abs(errors).max() < 2
    assert min(math.dist(a, b) for a, b in itertools.combinations(errors[:4], 2)) > 0.9


def test_drawn_elevations_stay_where_estimates_lie():
    for elevation, limit in ((79, 80), (-29, -30)):
        drawn = [vary(elevation, seed)[0] for seed in range(1, 60)]
        assert all(-30 <= angle <= 80 for angle in drawn) and limit in drawn
    assert all(math.isfinite(value) for seed in (1, 2**31, 2**32 - 1) for value in vary(0, seed))

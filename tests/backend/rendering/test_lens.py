# SPDX-License-Identifier: GPL-3.0-or-later
"""Lenses by OpenCV's formulas, worked out by hand."""

import math

import numpy as np
import pytest

from backend.rendering.lens import Lens, ViewCamera

PLAIN = Lens(200, 100, 100.0, 50.0, 90.0, 60.0)
OFF_AXIS = np.array([[0.4, 0.3, -1.0]])  # right and up; radius 0.5


def project(lens: Lens, points=OFF_AXIS) -> np.ndarray:
    column, row, _ = lens.project(points)
    return np.stack([column, row], 1)


def test_a_plain_lens_has_its_own_focal_lengths_and_centre():
    np.testing.assert_allclose(project(PLAIN), [[90 + 100 * 0.4, 60 - 50 * 0.3]])
    np.testing.assert_allclose(project(PLAIN, 7 * OFF_AXIS), [[130, 45]])
    assert PLAIN.project(np.array([[0, 0, -1.0], [0, 0, 1.0], [2, 0, -1.0]]))[2].tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("radial", "tangential", "expected"),
    [
        ((-0.2, 0.1), (0.0, 0.0), (0.4 * 0.95625, 0.3 * 0.95625)),  # 1 - 0.2 / 4 + 0.1 / 16
        ((0.0, 0.0, 0.64), (0.0, 0.0), (0.4 * 1.01, 0.3 * 1.01)),  # 1 + 0.64 / 64
        ((0.0, 0.0, 0.0, 1.0), (0.0, 0.0), (0.4 / 1.25, 0.3 / 1.25)),  # a divisor 1 + 1 / 4
        # x, y down = 0.4, -0.3: 2 p1 x y + p2 (r2 + 2 x2) and p1 (r2 + 2 y2) + 2 p2 x y
        ((), (0.1, 0.0), (0.4 - 0.024, 0.3 - 0.043)),
        ((), (0.0, 0.1), (0.4 + 0.057, 0.3 + 0.024)),
    ],
)
def test_distortion_is_opencvs(radial, tangential, expected):
    lens = Lens(200, 100, 100.0, 50.0, 90.0, 60.0, "perspective", radial, tangential)
    np.testing.assert_allclose(project(lens), [[90 + 100 * expected[0], 60 - 50 * expected[1]]])


def test_a_fisheye_shows_angles():
    lens = Lens(200, 200, 100.0, 100.0, 100.0, 100.0, "fisheye", (0.1,))
    at_45 = math.pi / 4 * (1 + 0.1 * (math.pi / 4) ** 2)
    np.testing.assert_allclose(project(lens, np.array([[3.0, 0, -3]])), [[100 + 100 * at_45, 100]])
    np.testing.assert_allclose(
        project(Lens(400, 200, 100, 100, 200, 100, "fisheye"), np.array([[1.0, 0, 0]]))[0, 0], 357.08, atol=0.01
    )


@pytest.mark.parametrize(
    "lens",
    [
        PLAIN,
        Lens(200, 100, 100.0, 90.0, 90.0, 60.0, "perspective", (-0.15, 0.03), (0.01, -0.02)),
        Lens(200, 100, 100.0, 90.0, 90.0, 60.0, "fisheye", (0.05, -0.01)),
    ],
)
def test_directions_lead_back_to_their_pixels(lens: Lens):
    column, row = (axis.ravel() + 0.5 for axis in np.meshgrid(np.arange(0, 200, 20), np.arange(0, 100, 20)))
    there = lens.directions(column, row)
    np.testing.assert_allclose(np.linalg.norm(there, axis=1), 1)
    np.testing.assert_allclose(project(lens, there), np.stack([column, row], 1), atol=1e-3)


def test_nothing_is_seen_where_a_distortion_turns_back():
    """r (1 - r2 / 2) grows up to r2 = 2 / 3; r = 1.2 would land where r = 0.38 does."""
    lens = Lens(200, 200, 100.0, 100.0, 100.0, 100.0, "perspective", (-0.5,))
    assert lens.limit == pytest.approx(math.sqrt(2 / 3), abs=0.01)
    assert lens.project(np.array([[0.38, 0, -1], [1.2, 0, -1]]))[2].tolist() == [True, False]


def test_a_scaled_image_has_a_scaled_lens():
    half = PLAIN.resized(100, 50, 0.5, 0.5)
    np.testing.assert_allclose(project(half), project(PLAIN) / 2)


def test_a_camera_projects_from_where_it_stands():
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]], (1, 2, 3)  # turned by 90 degrees about z
    column, row, seen = ViewCamera(pose, PLAIN).project(np.array([[1 - 0.3, 2 + 0.4, 2]]))
    assert seen.all()
    np.testing.assert_allclose([column[0], row[0]], [130, 45])

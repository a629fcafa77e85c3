# SPDX-License-Identifier: GPL-3.0-or-later
"""Cameras against hand-worked positions, a hand-written projection and the published One-2-3-45 rig's matrices."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backend.rendering.cameras import Camera, orbit, pixel_centres, project, rays, turntable

angles = st.floats(-360, 360)


@pytest.mark.parametrize(
    ("azimuth", "elevation", "position", "right", "up"),
    [
        (0, 0, (0, -2, 0), (1, 0, 0), (0, 0, 1)),  # Blender's front
        (90, 0, (2, 0, 0), (0, 1, 0), (0, 0, 1)),  # right
        (180, 0, (0, 2, 0), (-1, 0, 0), (0, 0, 1)),  # back
        (0, 90, (0, 0, 2), (1, 0, 0), (0, 1, 0)),  # top, as numpad 7
        (0, -90, (0, 0, -2), (1, 0, 0), (0, -1, 0)),
        (0, 30, (0, -math.sqrt(3), 1), (1, 0, 0), (0, 0.5, math.sqrt(3) / 2)),
    ],
)
def test_orbit_equals_blenders_standard_views(azimuth, elevation, position, right, up):
    matrix = orbit(azimuth, elevation, 2)
    assert matrix.dtype == torch.float32
    np.testing.assert_allclose(matrix[:3, 3], position, atol=1e-6)
    np.testing.assert_allclose(matrix[:3, 0], right, atol=1e-6)
    np.testing.assert_allclose(matrix[:3, 1], up, atol=1e-6)


@given(angles, st.floats(-90, 90), st.floats(0.1, 10))
def test_orbit_is_a_rigid_motion_that_looks_at_the_origin(azimuth, elevation, radius):
    matrix = orbit(azimuth, elevation, radius).double()
    rotation = matrix[:3, :3]
    torch.testing.assert_close(rotation.T @ rotation, torch.eye(3).double(), atol=1e-6, rtol=0)
    assert torch.linalg.det(rotation) > 0
    camera = Camera(matrix.float(), 40, 64, 48)
    pixel, depth = project(camera, torch.zeros(1, 3))
    np.testing.assert_allclose(pixel[0], [32, 24], atol=1e-3)
    assert depth.item() == pytest.approx(radius, rel=1e-5)


def test_the_published_rigs_matrices_are_those_of_orbit(fixtures):
    """One-2-3-45's pose file, 40 cameras at polar angle 60, whose own azimuths start at 30 degrees."""
    with np.load(fixtures / "one2345_cameras.npz") as data:
        names, matrices = data["names"], data["cam_to_world"]
    assert len(names) == 40
    for name, expected in zip(names, matrices, strict=True):
        view, _, child = name.removesuffix(".png").partition("_")
        v = int(view)
        azimuth = 30 + 90 * v if v < 4 else 60 + 90 * (v % 4)
        polar = 60 if v < 4 else 90
        if child:
            polar += (-10, 10, 0, 0)[int(child)]
            azimuth += (0, 0, -10, 10)[int(child)]
        np.testing.assert_allclose(orbit(azimuth, 90 - polar, 1.2), expected, atol=1e-6)


def test_the_published_field_of_view_is_280_pixels_of_focal_length():
    camera = Camera(orbit(0, 0, 1.2), math.degrees(2 * math.atan(128 / 280)), 256, 256)
    assert camera.focal == pytest.approx(280, rel=1e-5)
    np.testing.assert_allclose(project(camera, torch.zeros(1, 3))[0], [[128, 128]], rtol=1e-5)


def test_a_known_point_projects_to_its_pixel():
    """Camera at (0, -2, 0), 90 degrees, 200 x 100: focal 50 px. (0.5, -1, 0.25) is 1 ahead, 0.5 right, 0.25 up."""
    camera = Camera(orbit(0, 0, 2), 90, 200, 100)
    pixel, depth = project(camera, torch.tensor([[0.5, -1, 0.25]]))
    np.testing.assert_allclose(pixel[0], [100 + 25, 50 - 12.5], atol=1e-4)
    assert depth.item() == pytest.approx(1, abs=1e-6)


@given(angles, st.floats(-90, 90), st.floats(1, 4), st.floats(10, 100), st.integers(1, 40), st.integers(1, 40))
def test_projecting_points_on_rays_gives_their_pixels(azimuth, elevation, radius, fov, width, height):
    camera = Camera(orbit(azimuth, elevation, radius), fov, width, height)
    origins, directions = rays(camera)
    assert origins.shape == directions.shape == (width * height, 3)
    torch.testing.assert_close(directions.norm(dim=1), torch.ones(width * height))
    pixel, depth = project(camera, origins + 1.7 * directions)
    torch.testing.assert_close(pixel, pixel_centres(camera), atol=2e-3, rtol=1e-4)
    assert (depth > 0).all()


def test_pixel_order_is_row_by_row_from_the_top_left():
    centres = pixel_centres(Camera(orbit(0, 0, 1), 40, 3, 2))
    assert centres.tolist() == [[0.5, 0.5], [1.5, 0.5], [2.5, 0.5], [0.5, 1.5], [1.5, 1.5], [2.5, 1.5]]


def test_rays_of_given_pixels_equal_those_of_the_whole_image():
    camera = Camera(orbit(25, 40, 3), 35, 11, 7)
    _, everything = rays(camera)
    _, chosen = rays(camera, torch.tensor([[4.5, 2.5], [10.5, 6.5]]))
    torch.testing.assert_close(chosen, everything[[2 * 11 + 4, 76]])


@pytest.mark.parametrize(("matrix", "fov"), [(np.eye(3), 40), (np.eye(4), 0), (np.eye(4), 180)])
def test_impossible_cameras_are_refused(matrix, fov):
    with pytest.raises(ValueError, match=r"4 x 4|field of view"):
        Camera(matrix, fov, 8, 8)


def test_a_turntable_begins_in_front_and_goes_around_evenly():
    cameras = turntable(4, 0, 2.0, 35.0, 8)
    expected = torch.tensor([[0, -2.0, 0], [2, 0, 0], [0, 2, 0], [-2, 0, 0]])
    torch.testing.assert_close(torch.stack([c.position for c in cameras]), expected, atol=1e-6, rtol=0)
    assert {(c.fov_deg, c.width, c.height) for c in cameras} == {(35.0, 8, 8)}

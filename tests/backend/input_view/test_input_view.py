# SPDX-License-Identifier: GPL-3.0-or-later
"""The input view's camera and its maps."""

import torch

from backend.input_view.input_view import InputView
from backend.rendering.cameras import Camera, orbit, project

FOV, RADIUS, SIZE = 49.1, 1.2, 128
CAMERA = Camera(orbit(0, 20, RADIUS), FOV, SIZE, SIZE)


def test_a_framed_view_magnifies_about_the_centre():
    picture = InputView.from_framed(torch.ones(64, 64, 4), CAMERA.cam_to_world, FOV, zoom=2.0)
    points = torch.tensor([[0.1, 0.0, 0.0], [0.0, 0.0, 0.05]])
    whole = project(Camera(CAMERA.cam_to_world, FOV, 64, 64), points)[0] - 32
    torch.testing.assert_close(project(picture.camera, points)[0] - 32, 2 * whole)


def test_maps_of_any_size_are_sampled_where_points_project_to():
    """A ramp over the image's width, of a quarter of its pixels."""
    view = InputView(torch.ones(SIZE, SIZE, 4), CAMERA)
    points = torch.tensor([[0.1, 0.05, -0.1], [-0.2, 0.1, 0.15]])
    pixel, depth = project(CAMERA, points)
    ramp = ((torch.arange(SIZE // 4) + 0.5) * 4).expand(SIZE // 4, -1)[..., None]
    found, z = view.sample(ramp, points)
    torch.testing.assert_close(found[:, 0], pixel[:, 0], atol=1e-3, rtol=0)
    torch.testing.assert_close(z, depth)

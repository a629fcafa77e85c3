# SPDX-License-Identifier: GPL-3.0-or-later
"""The framed image as a view: all pixels of the object, and the object over three quarters of the side."""

import math

import numpy as np
import pytest
import torch

from backend.input_view.input_view import INPUT_VIEW_SIZE
from backend.preprocess.framed_view import framed_view
from backend.rendering.cameras import orbit


def test_the_view_has_every_pixel_of_the_object_and_the_magnified_cameras_angle():
    """900 x 600 random pixels at (40, 30): a window of 1200, whose half tangent is a half of 60 degrees' for zoom 2."""
    image = np.zeros((700, 1000, 4), np.float32)
    pixels = np.random.default_rng(0).integers(0, 256, (600, 900, 3))
    image[30:630, 40:940] = np.concatenate([pixels / 255, np.ones((600, 900, 1))], 2)
    view = framed_view(image, orbit(0, 20, 1.2), 60.0, 2.0, torch.device("cpu"))
    assert view.detailed is view.full and view.full.shape == (1200, 1200, 4)
    np.testing.assert_allclose(view.full[300:900, 150:1050].numpy(), image[30:630, 40:940], atol=1e-6)
    assert view.full[..., 3].sum() == 900 * 600
    assert view.rgba.shape == (INPUT_VIEW_SIZE, INPUT_VIEW_SIZE, 4)
    shown = view.rgba[..., 3] > 0.5
    assert shown.any(0).float().mean() == pytest.approx(0.75, abs=0.005)
    half = math.degrees(math.atan(math.tan(math.radians(30)) / 2))
    assert view.camera.fov_deg == pytest.approx(2 * half) and view.camera.width == INPUT_VIEW_SIZE

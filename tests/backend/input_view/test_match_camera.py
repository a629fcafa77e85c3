# SPDX-License-Identifier: GPL-3.0-or-later
"""The camera of an image is recovered from the mesh and the silhouette."""

import math

import numpy as np
import pytest

from backend.input_view.match_camera import match_camera
from backend.interface.view_set import RADIUS
from backend.rendering.cameras import Camera, orbit
from backend.rendering.mesh import Mesh
from backend.rendering.rasteriser import render_mesh

CORNERS = np.array([(-0.4, 0.1, -0.3), (0.5, -0.2, -0.2), (0.1, 0.3, 0.45), (0.2, -0.35, 0.1)], np.float32)
SHAPE = Mesh(CORNERS, np.array([(0, 1, 2), (0, 3, 1), (1, 3, 2), (2, 3, 0)]))


def test_the_camera_of_a_cropped_image_is_recovered():
    """A known camera's 300 x 300 pixels cropped to columns 40 to 280 and rows 20 to 240: the axis is
    10 pixels left of the crop's middle, and 20 below it."""
    whole = render_mesh(SHAPE, Camera(orbit(0, 25, RADIUS), 60.0, 300, 300)).numpy()[..., 3]
    found = match_camera(SHAPE, whole[20:240, 40:280], 25.0)
    focal = 150 / math.tan(math.radians(30))
    assert found["fov_deg"] == pytest.approx(2 * math.degrees(math.atan(110 / focal)), abs=0.5)
    assert found["shift"] == pytest.approx([(120 - 110) / 240, (110 - 90) / 240], abs=0.005)
    assert found["size"] == [240, 220] and found["radius"] == RADIUS and found["iou"] > 0.96


def test_the_iou_of_a_square_equals_the_silhouettes_share_of_it():
    """A square of the same box: the overlap is the share of it that the outline fills."""
    alpha = render_mesh(SHAPE, Camera(orbit(0, 25, RADIUS), 60.0, 200, 200)).numpy()[..., 3] > 0.5
    rows, columns = (np.flatnonzero(alpha.any(axis)) for axis in (1, 0))
    square = np.zeros((200, 200), np.float32)
    square[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = 1
    assert match_camera(SHAPE, square, 25.0)["iou"] == pytest.approx(alpha.sum() / square.sum(), abs=0.03)


@pytest.mark.parametrize(
    ("mesh", "alpha"), [(SHAPE, np.zeros((20, 20))), (Mesh(np.zeros((0, 3)), np.zeros((0, 3))), np.ones((20, 20)))]
)
def test_an_empty_mesh_or_silhouette_has_no_camera(mesh, alpha):
    assert match_camera(mesh, alpha, 0.0) == {}

# SPDX-License-Identifier: GPL-3.0-or-later
"""Meshes whose front is not the image's view, photographed from sides that are known."""

import numpy as np
import pytest

from backend.input_view.turn_to_view import turn_to_view, turned
from backend.interface.view_set import FOV_DEG, RADIUS
from backend.rendering.cameras import Camera, orbit
from backend.rendering.mesh import Mesh
from backend.rendering.rasteriser import render_mesh
from tests.support.boxes import box, join


def steps() -> Mesh:
    """Wide from the front, thin from the side, higher at the left."""
    return join(box((0.9, 0.16, 0.3), (-0.45, -0.08, -0.3)), box((0.25, 0.16, 0.3), (-0.45, -0.08, 0)))


def photograph(mesh: Mesh, azimuth: float, elevation: float = 10) -> np.ndarray:
    return render_mesh(mesh, Camera(orbit(azimuth, elevation, RADIUS), FOV_DEG, 128, 128)).numpy()[..., 3]


@pytest.mark.parametrize("azimuth", [-55, -30, 40])
def test_the_side_that_the_image_shows_becomes_the_front(azimuth):
    """The mesh, turned, seen from the front, is the mesh seen from the image's side."""
    mesh = steps()
    found, told = turn_to_view(mesh, photograph(mesh, azimuth))
    assert told == pytest.approx(azimuth, abs=3)
    a, b = photograph(found, 0) > 0.5, photograph(turned(mesh, azimuth), 0) > 0.5
    assert (a & b).sum() > 0.95 * (a | b).sum()
    back = turned(found, -told).vertices
    np.testing.assert_allclose(back / np.abs(back).max(), mesh.vertices / np.abs(mesh.vertices).max(), atol=2e-3)


def test_a_turned_mesh_is_seen_from_in_front_as_it_was_from_the_side():
    mesh = box((0.4, 0.2, 0.4), (-0.1, -0.1, -0.2))
    seen = photograph(turned(mesh, 40), 0) > 0.5
    assert (seen == (photograph(mesh, 40) > 0.5)).mean() > 0.999


def test_a_mesh_seen_from_in_front_and_one_that_looks_alike_from_everywhere_stay():
    mesh = steps()
    found, told = turn_to_view(mesh, photograph(mesh, 0))
    assert told == 0 and found is mesh
    cube = box(0.5, (-0.25, -0.25, -0.25))
    assert turn_to_view(cube, photograph(cube, 75, 0))[1] == pytest.approx(-15, abs=3)  # its sides are alike
    assert turn_to_view(mesh, np.zeros((32, 32)))[1] == 0


def test_a_mesh_that_would_exceed_its_cube_is_made_smaller():
    found = turned(box(1.0, (-0.5, -0.5, -0.5)), 45)
    assert np.abs(found.vertices).max() == pytest.approx(0.5)
    np.testing.assert_allclose(np.ptp(found.vertices, 0), [1, 1, 2**-0.5], atol=1e-5)


def test_it_can_be_stopped():
    asked: list[int] = []

    def stop() -> None:
        asked.append(1)
        if len(asked) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        turn_to_view(steps(), photograph(steps(), 0), stop)
    assert len(asked) == 5

# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture through any lens becomes what a plain camera sees from the same place, traced here for comparison."""

import math

import numpy as np
import pytest

from backend.preprocess.views.square_views import square_view
from backend.rendering.lens import Lens, ViewCamera
from tests.support import toy_views
from tests.support.toy_views import bent, picture, pinhole

SIZE = 64
MIDDLE = np.zeros(3)
LENSES = {
    "square": (Lens(160, 160, 180, 180, 80, 80), pinhole(180, 180, 80, 80)),
    "wide": (Lens(240, 120, 150, 150, 120, 60), pinhole(150, 150, 120, 60)),
    "long pixels": (Lens(160, 160, 180, 110, 80, 80), pinhole(180, 110, 80, 80)),
    "off centre": (Lens(200, 200, 170, 170, 60, 130), pinhole(170, 170, 60, 130)),
    "large": (Lens(640, 480, 600, 600, 320, 240), pinhole(600, 600, 320, 240)),
    "barrel": (
        Lens(200, 200, 190, 190, 100, 100, "perspective", (-0.25, 0.05)),
        bent(pinhole(190, 190, 100, 100), lambda r: r * (1 - 0.25 * r**2 + 0.05 * r**4)),
    ),
    "fisheye": (
        Lens(220, 220, 170, 170, 110, 110, "fisheye", (0.1,)),
        bent(pinhole(170, 170, 110, 110), lambda angle: angle * (1 + 0.1 * angle**2), is_fisheye=True),
    ),
}


@pytest.mark.parametrize("name", LENSES)
def test_every_lens_gives_the_same_view(name: str):
    lens, rays = LENSES[name]
    pose = toy_views.look_at(30, 20)
    seen = picture(pose, lens.width, lens.height, rays) / np.float32(255)
    view, known, camera = square_view(seen, ViewCamera(pose, lens), MIDDLE, 1.0, SIZE)
    truth = picture(pose, SIZE, SIZE, pinhole(camera.focal, camera.focal, SIZE / 2, SIZE / 2)) / 255
    assert camera.fov_deg == pytest.approx(49.1, abs=0.01) and known[20:44, 20:44].all()
    clear = np.where(truth[..., 3:] > 0.99, view[..., :3], truth[..., :3])
    assert np.abs(view[..., 3] - truth[..., 3])[known].mean() < 0.01
    assert np.abs(clear - truth[..., :3])[known].mean() < 0.01


def test_a_camera_that_looks_past_the_object_is_turned_to_it():
    """As far as it must, and where it stands; a world of another scale is brought to the object's."""
    pose, lens = toy_views.look_at(0, 0, 2.4), Lens(300, 300, 300, 300, 150, 150)
    turn = math.radians(12)
    pose[:3, :3] = pose[:3, :3] @ [[math.cos(turn), 0, math.sin(turn)], [0, 1, 0], [-math.sin(turn), 0, math.cos(turn)]]
    seen = picture(pose, 300, 300, pinhole(300, 300, 150, 150)) / np.float32(255)
    view, _, camera = square_view(seen, ViewCamera(pose, lens), MIDDLE, 2.0, SIZE)
    np.testing.assert_allclose(
        camera.cam_to_world, [[1, 0, 0, 0], [0, 0, -1, -1.2], [0, 1, 0, 0], [0, 0, 0, 1]], atol=1e-6
    )
    truth = (
        picture(toy_views.look_at(0, 0, 2.4), SIZE, SIZE, pinhole(camera.focal, camera.focal, SIZE / 2, SIZE / 2)) / 255
    )
    assert np.abs(view[..., 3] - truth[..., 3]).mean() < 0.01


def test_outside_the_picture_nothing_is_known():
    pose, lens = toy_views.look_at(0, 0), Lens(100, 100, 100, 100, 20, 50)
    _, known, camera = square_view(np.ones((100, 100, 4), np.float32), ViewCamera(pose, lens), MIDDLE, 1.0, SIZE)
    edge = SIZE / 2 - 0.2 * camera.focal  # 20 pixels of 100 to the left
    assert not known[:, : math.floor(edge)].any() and known[10:-10, math.ceil(edge) : -10].all()


def test_a_camera_close_to_the_object_and_straight_above_it():
    pose = toy_views.look_at(0, 90, 0.4)
    _, _, camera = square_view(
        np.ones((50, 50, 4), np.float32), ViewCamera(pose, Lens(50, 50, 20, 20, 25, 25)), MIDDLE, 1.0, SIZE
    )
    assert camera.fov_deg == 120
    np.testing.assert_allclose(camera.cam_to_world, pose, atol=1e-6)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the toy stands, found from its silhouettes."""

import numpy as np
import pytest

from backend.preprocess.views.common_object import find_object, meeting_point
from backend.rendering.lens import Lens, ViewCamera
from tests.support import toy_views

SIZE, FOCAL = 96, 100.0


def seen(cx: float = SIZE / 2, scale: float = 1.0, middle=(0, 0, 0), flip: float = 1.0):
    """Pictures of the toy, and cameras in a world that is scaled and moved. flip: -1 turns the axes to OpenCV's."""
    pictures, cameras = [], []
    for azimuth, elevation in toy_views.RIG:
        pose = toy_views.look_at(azimuth, elevation)
        pictures.append(
            toy_views.picture(pose, SIZE, SIZE, toy_views.pinhole(FOCAL, FOCAL, cx, SIZE / 2)) / np.float32(255)
        )
        pose[:3, 3] = pose[:3, 3] * scale + middle
        pose[:3, 1:3] *= flip
        cameras.append(ViewCamera(pose, Lens(SIZE, SIZE, FOCAL, FOCAL, cx, SIZE / 2)))
    return pictures, cameras


@pytest.mark.parametrize(
    "case",
    [{}, {"cx": 30.0}, {"scale": 250.0, "middle": (1e5, -2e4, 30)}, {"scale": 1e-3}],
    ids=["plain", "cropped", "far away", "tiny"],
)
def test_the_object_is_found_wherever_and_however_large_it_is(case):
    found = find_object(*seen(**case))
    scale, middle = case.get("scale", 1.0), np.array(case.get("middle", (0, 0, 0)))
    assert found is not None and found.coverage > 0.9
    centre = (found.middle - middle) / scale
    np.testing.assert_allclose(centre, (0, 0, 0), atol=0.1)
    corners = [np.where(at, toy_views.HIGH, toy_views.LOW) for at in np.ndindex(2, 2, 2)]
    reach = max(*np.linalg.norm(corners - centre, axis=1), np.linalg.norm(toy_views.BALL - centre) + toy_views.RADIUS)
    assert found.diameter / scale == pytest.approx(2 * reach, rel=0.04)


def test_cameras_that_look_away_see_nothing_in_common():
    assert find_object(*seen(flip=-1.0)) is None


def test_pictures_without_a_background_are_framed_by_their_cameras():
    pictures, cameras = seen()
    found = find_object([np.ones_like(picture) for picture in pictures], cameras)
    assert found is not None and found.coverage == 1
    np.testing.assert_allclose(found.middle, (0, 0, 0), atol=1e-6)
    assert found.diameter == pytest.approx(2 * 1.2 * np.sin(np.arctan(SIZE / 2 / FOCAL)), rel=0.01)


def test_rays_meet_where_they_are_closest():
    eyes, along = np.array([[1e6, 0, 0], [1e6, 2, 1.0]]), np.array([[0, 1.0, 0], [1.0, 0, 0]])
    np.testing.assert_allclose(meeting_point(eyes, along), (1e6, 2, 0.5), atol=1e-6)

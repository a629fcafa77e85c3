# SPDX-License-Identifier: GPL-3.0-or-later
"""Camera matrices in every form in which they come, right and wrong."""

import math

import numpy as np
import pytest

from backend.preprocess.views import poses
from backend.preprocess.views.poses import ViewsError, check_places, read_pose, settle
from backend.rendering.lens import Lens, ViewCamera
from tests.support import toy_views

POSE = toy_views.look_at(30, 20)
SIZE, FOCAL = 64, 70.0


def read(matrix) -> tuple[np.ndarray, list[str]]:
    notes: list[str] = []
    return read_pose(matrix, "The matrix", notes), notes


@pytest.mark.parametrize(
    ("matrix", "note"),
    [
        (POSE, None),
        (POSE[:3], None),
        (POSE.T, poses.TRANSPOSED),
        (POSE @ np.diag([2, 2, 2, 1]), poses.SCALED),
        (POSE @ np.diag([2, 3, 0.5, 1]), poses.SCALED),
        (POSE + 1e-4 * np.eye(4)[[1, 0, 2, 3]] * (np.arange(4) < 3), None),
    ],
    ids=["plain", "3 x 4", "transposed", "scaled", "unevenly scaled", "rounded"],
)
def test_a_matrix_whose_meaning_is_certain_is_read(matrix, note):
    pose, notes = read(np.asarray(matrix).tolist())
    np.testing.assert_allclose(pose, POSE, atol=2e-4)
    np.testing.assert_allclose(pose[:3, :3].T @ pose[:3, :3], np.eye(3), atol=1e-12)
    assert notes == ([note] if note else [])


def test_positions_keep_their_digits():
    far = POSE.copy()
    far[:3, 3] = (432100.125, 5412345.0625, 101.5)
    assert read(far.tolist())[0][:3, 3].tolist() == [432100.125, 5412345.0625, 101.5]


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (None, "4 x 4"),
        ([[1, 2], [3, 4]], "4 x 4"),
        ([["a"] * 4] * 4, "4 x 4"),
        (np.where(np.eye(4) == 1, math.nan, 0), "NaN"),
        (np.diag([1, 1, math.inf, 1]), "infinite"),
        (np.diag([1, 1, 1, 2]), "last row"),
        (np.diag([1, 0, 1, 1]), "length 0"),
        (POSE @ np.diag([-1, 1, 1, 1]), "mirrored"),
        (POSE @ np.array([[1, 0.3, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "skewed"),
    ],
)
def test_other_matrices_are_refused_by_name(matrix, words):
    with pytest.raises(ViewsError, match=words) as caught:
        read(matrix)
    assert "camera-to-world" in caught.value.remedy


@pytest.mark.parametrize(
    ("given", "words"),
    [([POSE], "one view"), ([POSE] * 8, "same place"), ([np.eye(4), POSE * 0 + np.eye(4)], "same place")],
)
def test_one_place_is_not_enough(given, words):
    with pytest.raises(ViewsError, match=words):
        check_places(given)


def test_matrices_of_a_centred_object_the_other_way_round_may_share_a_place():
    check_places([np.linalg.inv(toy_views.look_at(azimuth, 20)) for azimuth in (0, 40, 80)])


def pictures_and(change) -> tuple[list[np.ndarray], list[ViewCamera]]:
    """Pictures of the toy, which stands off the origin, and cameras with changed matrices."""
    lens, pictures, cameras = Lens(SIZE, SIZE, FOCAL, FOCAL, SIZE / 2, SIZE / 2), [], []
    for azimuth, elevation in toy_views.RIG:
        pose = toy_views.look_at(azimuth, elevation)
        rays = toy_views.pinhole(FOCAL, FOCAL, SIZE / 2, SIZE / 2)
        pictures.append(toy_views.picture(pose, SIZE, SIZE, rays) / np.float32(255))
        pose[:3, 3] += (0.2, -0.3, 0.5)
        cameras.append(ViewCamera(change(pose), lens))
    return pictures, cameras


FLIP = np.diag([1, -1, -1, 1])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda pose: pose @ FLIP, "OpenCV's (y down"),
        (np.linalg.inv, "world-to-camera"),
        (lambda pose: np.linalg.inv(pose @ FLIP), "world-to-camera with OpenCV's axes"),
    ],
)
def test_other_conventions_are_recognised_by_what_the_pictures_show(change, words):
    pictures, cameras = pictures_and(change)
    read, found, notes = settle(pictures, cameras)
    assert len(notes) == 1 and words in notes[0]
    for camera, true in zip(read, pictures_and(lambda pose: pose)[1], strict=True):
        np.testing.assert_allclose(camera.cam_to_world, true.cam_to_world, atol=1e-9)
    np.testing.assert_allclose(found.middle, (0.2, -0.3, 0.5), atol=0.1)


def test_right_cameras_stay_as_they_are_and_without_words():
    pictures, cameras = pictures_and(lambda pose: pose)
    read, _, notes = settle(pictures, cameras)
    assert read is cameras and notes == []


def test_cameras_that_fit_in_no_reading_are_refused_with_the_cause():
    pictures, cameras = pictures_and(lambda pose: pose @ FLIP)
    with pytest.raises(ViewsError, match="look away"):
        settle(pictures[::-1], cameras)


@pytest.mark.parametrize("aside", [0.2, 3.0])
def test_cameras_that_fit_badly_are_said_or_refused(aside: float):
    """Half of them stand to the left of where they were, half to the right."""
    pictures, cameras = pictures_and(lambda pose: pose)
    for number, camera in enumerate(cameras):
        camera.cam_to_world[:3, 3] += camera.cam_to_world[:3, 0] * aside * (-1) ** (number // 3)
    if aside < 1:
        assert settle(pictures, cameras)[2] == [poses.UNSURE]
    else:
        with pytest.raises(ViewsError, match="no object in common"):
            settle(pictures, cameras)

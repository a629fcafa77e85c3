# SPDX-License-Identifier: GPL-3.0-or-later
"""The chosen part of an image, compared with slices and with distances that are computed one by one."""

import itertools

import numpy as np
import pytest

from backend.interface.parameters import ParameterError
from backend.preprocess.background import Cutout
from backend.preprocess.selection import Selection, check_selection, crop, find_objects, pick, select

SIZE = 60


def disks(*circles: tuple[int, int, int]) -> np.ndarray:
    """An image (60, 60, 4) of opaque disks (x, y, radius) whose red is their number, with a soft edge of two pixels."""
    y, x = np.mgrid[:SIZE, :SIZE]
    image = np.zeros((SIZE, SIZE, 4), np.float32)
    for number, (cx, cy, radius) in enumerate(circles, 1):
        alpha = np.clip((radius + 2 - np.hypot(x - cx, y - cy)) / 2, 0, 1)
        image[alpha > 0, 0] = number / 10
        image[..., 3] = np.maximum(image[..., 3], alpha)
    return image


def test_a_box_is_counted_in_shares_of_the_sides():
    image = np.random.default_rng(0).random((40, 80, 4), np.float32)
    np.testing.assert_array_equal(crop(image, (0.25, 0.1, 0.75, 0.6)), image[4:24, 20:60])
    np.testing.assert_array_equal(crop(image, (0, 0, 1, 1)), image)


def test_a_small_box_keeps_the_least_side_of_an_image():
    image = np.random.default_rng(0).random((40, 80, 4), np.float32)
    np.testing.assert_array_equal(crop(image, (0.99, 0.5, 1, 0.51)), image[20:36, 64:80])


def test_objects_are_numbered_from_left_to_right_and_specks_do_not_count():
    image = disks((44, 20, 9), (12, 40, 8), (30, 8, 1))
    found = find_objects(image[..., 3])
    assert [image[mask][:, 0].max().round(1) for mask in found] == [0.2, 0.1]


def test_one_object_keeps_its_soft_edge_and_its_neighbours_are_gone():
    """Each half-transparent pixel goes to the nearer object."""
    image = disks((16, 30, 10), (42, 30, 11))
    solid = [np.argwhere(mask) for mask in find_objects(image[..., 3])]
    picked = [pick(Cutout(image, "alpha", ""), number) for number in (1, 2)]
    for y, x in itertools.product(range(SIZE), range(SIZE)):
        near = [np.hypot(*(points - (y, x)).T).min() for points in solid]
        for number in (0, 1):
            belongs = near[number] <= near[1 - number]
            assert picked[number][y, x, 3] == (image[y, x, 3] if belongs else 0)
    np.testing.assert_array_equal(picked[0][..., :3], image[..., :3])


def test_one_object_alone_is_the_cutout_itself():
    image = disks((30, 30, 12))
    assert pick(Cutout(image, "alpha", ""), 1) is image
    with pytest.raises(ParameterError, match="1 objects, not 2"):
        pick(Cutout(image, "alpha", ""), 2)


def test_all_objects_leave_the_cut_out_to_the_engine():
    image = disks((16, 30, 10), (42, 30, 11))
    left = select(image, Selection((0, 0, 0.5, 1)), "auto", "cpu")
    np.testing.assert_array_equal(left, image[:, :30])


@pytest.mark.parametrize("value", [None, [], {"box": [0, 0, 1]}, {"box": [0, 0, 1, "1"]}, {"box": [0.5, 0, 0.5, 1]}])
def test_a_selection_that_is_none_is_refused(value):
    with pytest.raises(ParameterError):
        check_selection(value)


@pytest.mark.parametrize(
    "value", [{"box": [0, 0, float("nan"), 1]}, {"box": [0, -1, 1, 1]}, {"object": -1}, {"object": True}]
)
def test_values_out_of_range_are_refused(value):
    with pytest.raises(ParameterError):
        check_selection(value)


def test_a_selection_is_read_as_it_was_sent():
    assert check_selection({"box": [0, 0.25, 1, 0.5], "object": 2}) == Selection((0, 0.25, 1, 0.5), 2)
    assert check_selection({}) == Selection()

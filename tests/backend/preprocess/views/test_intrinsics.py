# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of lenses, as the programs that write them mean them."""

import math

import pytest

from backend.preprocess.views.intrinsics import read_lens
from backend.preprocess.views.poses import ViewsError

SIZE = (200, 100)


def lens_of(frame: dict, shared: dict | None = None, size=SIZE):
    return read_lens(frame, shared or {}, size, [])


@pytest.mark.parametrize(
    ("keys", "expected"),  # fl_x, fl_y, cx, cy
    [
        ({"camera_angle_x": math.pi / 2}, (100, 100, 100, 50)),
        ({"camera_angle_y": math.pi / 2}, (50, 50, 100, 50)),
        ({"camera_angle_x": math.pi / 2, "camera_angle_y": math.pi / 2}, (100, 50, 100, 50)),
        ({"x_fov": 90}, (100, 100, 100, 50)),
        ({"fl_x": 120}, (120, 120, 100, 50)),
        ({"fl_y": 120}, (120, 120, 100, 50)),
        ({"fl_x": 120, "fl_y": 80, "cx": 90, "cy": 55.5}, (120, 80, 90, 55.5)),
        ({"fx": 120, "fy": 80}, (120, 80, 100, 50)),
        ({"fl_x": 120, "w": 200, "h": 100, "cx": None}, (120, 120, 100, 50)),
        ({"fl_x": 120, "fl_y": 80, "w": 400, "h": 200, "cx": 180, "cy": 110}, (60, 40, 90, 55)),
        ({"fl_x": 120, "w": 399, "h": 199}, (60.15, 60.30, 100, 50)),  # an odd size, halved
        ({"intrinsic_matrix": [[120, 0, 90, 0], [0, 80, 55, 0], [0, 0, 1, 0], [0, 0, 0, 1]]}, (120, 80, 90, 55)),
    ],
)
def test_focal_lengths_and_centre(keys, expected):
    for lens in (lens_of(keys), lens_of({}, keys)):
        assert (lens.fl_x, lens.fl_y, lens.cx, lens.cy) == pytest.approx(expected, abs=0.01)
        assert (lens.width, lens.height) == SIZE


def test_a_frame_goes_before_the_file():
    lens = lens_of({"camera_angle_x": math.pi / 2, "cx": 10}, {"fl_x": 300, "fl_y": 310, "cx": 20, "cy": 30, "k1": 0.1})
    assert (lens.fl_x, lens.fl_y, lens.cx, lens.cy, lens.radial) == (
        pytest.approx(100),
        pytest.approx(100),
        10,
        30,
        (0.1,),
    )


def test_what_contradicts_itself_is_said():
    notes = []
    lens = read_lens({}, {"fl_x": 100, "camera_angle_x": math.pi / 2, "camera_angle_y": math.pi / 2}, SIZE, notes)
    assert not notes and (lens.fl_x, lens.fl_y) == (100, pytest.approx(50))
    assert read_lens({}, {"fl_x": 100, "camera_angle_x": 1.2}, SIZE, notes).fl_x == 100
    assert notes == ["fl_x and camera_angle_x contradict each other; fl_x is used."]
    read_lens({}, {"fl_x": 100, "rolling_shutter": [0, 0, 0.1, 0]}, SIZE, notes)
    assert "rolling shutter" in notes[1]


def test_distortion_and_models():
    lens = lens_of({"fl_x": 1, "k1": 0.1, "k2": 0, "k3": 0.3, "p1": 0.01, "p2": 0, "camera_model": "OPENCV"})
    assert (lens.model, lens.radial, lens.tangential) == ("perspective", (0.1, 0, 0.3), (0.01, 0))
    assert lens_of({"fl_x": 1, "k1": 0, "k2": 0, "p1": 0, "k4": 0}).radial == ()
    for keys in ({"is_fisheye": True}, {"camera_model": "OPENCV_FISHEYE"}):
        lens = lens_of(keys | {"fl_x": 1, "k1": 0.1, "k4": 0.4})
        assert (lens.model, lens.radial) == ("fisheye", (0.1, 0, 0, 0.4))


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({}, "focal length"),
        ({"fl_x": 0}, "fl_x"),
        ({"fl_x": -5}, "fl_x"),
        ({"fl_x": "5"}, "fl_x"),
        ({"fl_x": math.nan}, "fl_x"),
        ({"camera_angle_x": 49.1}, "camera_angle_x"),
        ({"camera_angle_y": 3.2}, "camera_angle_y"),
        ({"x_fov": 180}, "x_fov"),
        ({"fl_x": 1, "cx": 1e9}, "cx"),
        ({"fl_x": 1, "cy": "middle"}, "cy"),
        ({"fl_x": 1, "w": 300, "h": 300}, "300 x 300"),
        ({"fl_x": 1, "w": 100, "h": 200}, "100 x 200"),
        ({"fl_x": 1, "w": 0}, "w and h"),
        ({"fl_x": 1, "camera_model": "EQUIRECTANGULAR"}, "EQUIRECTANGULAR"),
        ({"fl_x": 1, "camera_model": "FISHEYE624"}, "FISHEYE624"),
        ({"fl_x": 1, "camera_model": "OPENCV", "k4": 0.1}, "k4"),
        ({"fl_x": 1, "is_fisheye": True, "p1": 0.1}, "k4"),
        ({"fl_x": 1, "equirectangular": True}, "equirectangular"),
        ({"fl_x": 1, "shift_x": 0.1}, "shift_x"),
        ({"fl_x": 1, "distortion_params": [0.1]}, "distortion_params"),
        ({"K": [[1, 2], [3, 4]]}, "K is not"),
        ({"K": [[100, 50, 100], [0, 100, 50], [0, 0, 1]]}, "skew"),
    ],
)
def test_what_cannot_be_used_is_named(keys, named):
    with pytest.raises(ViewsError, match=named):
        lens_of(keys)

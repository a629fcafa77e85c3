# SPDX-License-Identifier: GPL-3.0-or-later
"""View-dependent prompts and Perp-Neg's weights, with threestudio's numbers worked out by hand."""

import math

import pytest

from backend.diffusion.view_prompts import perp_neg_mixture, side, view_prompt


@pytest.mark.parametrize(
    "azimuth, elevation, seen",
    [
        (0, 0, "front"),
        (44, 0, "front"),
        (-44, 30, "front"),
        (360, 0, "front"),
        (46, 0, "side"),
        (-90, 0, "side"),
        (134, 0, "side"),
        (136, 0, "back"),
        (180, 10, "back"),
        (-150, 0, "back"),
        (210, 0, "back"),
        (0, 61, "overhead"),
        (180, 80, "overhead"),
    ],
)
def test_a_cameras_side_follows_from_its_angles(azimuth, elevation, seen):
    assert side(azimuth, elevation) == seen
    assert view_prompt("a cat", seen) == f"a cat, {seen} view"


def test_perp_neg_weights_from_front_to_back():
    front, right, back = (perp_neg_mixture(a, 0) for a in (0, 90, 180))
    assert front.sides == ("front", "side") and front.share == 1
    assert dict(front.negatives)["front"] == pytest.approx(0, abs=2e-4)  # 4 exp(-0.5) = 2.426
    assert dict(front.negatives)["side"] == pytest.approx(-(4 - 2.426))
    assert right.sides == ("side", "back") and right.share == 1
    assert dict(right.negatives)["side"] == pytest.approx(-(math.exp(-0.5) - 0.606))
    assert dict(right.negatives)["front"] == pytest.approx(-(math.exp(-0.5) + 0.967))
    assert back.share == 0 and dict(back.negatives) == pytest.approx({"side": -0.394, "front": -1.967})
    assert perp_neg_mixture(-45, 0) == perp_neg_mixture(45, 0) and perp_neg_mixture(45, 0).share == 0.5
    assert perp_neg_mixture(10, 70).negatives == ()


def test_a_negative_never_attracts():
    for azimuth in range(-180, 181):
        assert all(weight <= 2e-4 for _, weight in perp_neg_mixture(azimuth, 0).negatives)

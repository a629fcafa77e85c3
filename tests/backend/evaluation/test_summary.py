# SPDX-License-Identifier: GPL-3.0-or-later
"""Means, shares of wins and distances of two objects whose scores are known."""

import numpy as np
import pytest

from backend.evaluation.scoring import Evaluated
from backend.evaluation.summary import summarise


def one(name: str, ours: dict, box: dict, features: dict | None = None) -> Evaluated:
    return Evaluated(name, {"lrm": ours, "lrm textured": ours, "box": box}, features or {})


def test_means_and_wins_count_what_all_objects_have():
    first = one("a", {"psnr": 20.0, "lpips_0": 0.2, "psnr_picture": 30.0}, {"psnr": 25.0, "lpips_0": 0.3})
    second = one("b", {"psnr": 10.0, "lpips_0": 0.6}, {"psnr": 5.0, "lpips_0": 0.7})
    found = summarise([first, second], ["lrm", "lrm textured"])
    assert found["objects"] == 2 and [each["name"] for each in found["each"]] == ["a", "b"]
    assert found["mean"]["lrm"] == pytest.approx({"psnr": 15, "lpips_0": 0.4})
    assert found["mean"]["box"] == pytest.approx({"psnr": 15, "lpips_0": 0.5})
    assert found["better_than"] == {
        "lrm than box": {"psnr": 0.5, "lpips_0": 1.0},  # less is better
        "lrm textured than box": {"psnr": 0.5, "lpips_0": 1.0},
        "lrm textured than lrm": {"psnr": 0.0, "lpips_0": 0.0},  # not better
    }


def test_frechet_distances_are_over_the_sides_of_all_objects():
    """Features of two objects, one side each, 3 and 5 along the first axis; the meshes' lie 10 along the second."""
    objects = []
    for name, place in (("a", 3.0), ("b", 5.0)):
        truth = np.array([[place, 0.0]])
        objects.append(one(name, {}, {}, {"alexnet truth": truth, "alexnet lrm": truth + np.array([0, 10.0])}))
    mean = summarise(objects, ["lrm"])["mean"]
    assert mean["lrm"] == pytest.approx({"frechet_alexnet": 100}) and mean["box"] == {}

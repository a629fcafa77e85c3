# SPDX-License-Identifier: GPL-3.0-or-later
"""Elevation from matches: the released estimator's own numbers, exact points, and LoFTR's weights read strictly."""

import os
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from kornia.feature import LoFTR

from backend.interface.catalog import WeightsError
from backend.preprocess import elevation
from backend.preprocess.elevation import (
    NEIGHBOURS,
    disagreement,
    estimate_polar,
    follow,
    load_loftr,
    match,
    project,
    projection,
    triangulate,
)
from tests.support import DATA

POLARS = (52, 75, 97, 133)


@pytest.fixture(scope="module")
def recorded() -> dict[str, np.ndarray]:
    with np.load(DATA / "one2345_elevation.npz", allow_pickle=False) as file:
        return {k: file[k] for k in file.files}


def matches(recorded: dict[str, np.ndarray], polar: int) -> elevation.Matches:
    return {(i, j): recorded[f"t{polar}_m{i}_{j}"].astype(float) for i, j in combinations(range(4), 2)}


@pytest.mark.parametrize("polar", POLARS)
def test_the_released_polar_angles_and_costs_are_found(polar, recorded):
    found = matches(recorded, polar)
    assert estimate_polar(found) == recorded[f"t{polar}_est"] == polar
    costs = [disagreement(follow(found), c) for c in range(30, 150, 10)]
    expected = recorded[f"t{polar}_coarse_err"]
    np.testing.assert_allclose(costs, expected, atol=1e-4 * expected.max())


@pytest.mark.parametrize("polar", POLARS)
def test_cameras_equal_the_released_ones(polar, recorded):
    """Up to the released world's azimuth, 30 degrees for the view in the middle."""
    k = np.array([[280, 0, 128], [0, 280, 128], [0, 0, 1]])
    for (p, azimuth), pose in zip(NEIGHBOURS, recorded[f"t{polar}_poses"], strict=True):
        mine = projection(polar + p, azimuth + 30)
        inverse = np.linalg.inv(pose) if np.abs(mine - k @ pose[:3]).max() > 1 else pose
        np.testing.assert_allclose(mine, k @ inverse[:3], atol=1e-3)


def test_points_are_triangulated_exactly():
    points = np.random.default_rng(0).uniform(-0.4, 0.4, (50, 3))
    first, second = projection(60, 0), projection(70, 15)
    found = triangulate(first, second, project(first, points), project(second, points))
    np.testing.assert_allclose(found, points, atol=1e-6)


def test_without_matches_there_is_no_estimate(recorded):
    assert estimate_polar(matches(recorded, 75) | {(1, 3): np.zeros((0, 5))}) is None


def test_matches_without_an_intersection_add_no_cost(recorded):
    """As released: no keepers add 0, so that the first angle wins; no division by nothing."""
    apart = {pair: found.copy() for pair, found in matches(recorded, 75).items()}
    for (i, j), found in apart.items():
        found[:, :4] += 1000 * (4 * i + j)
    assert disagreement(follow(apart), 70) == 0
    assert estimate_polar(apart) == 20


@pytest.fixture(scope="module")
def loftr() -> LoFTR:
    torch.manual_seed(0)
    return LoFTR(pretrained=None)


def test_pictures_match_themselves_on_the_object_only(loftr, tmp_path, monkeypatch):
    """LoFTR with random weights, read from the published layout, still knows equal pictures to be equal."""
    state = {f"matcher.{name}": value for name, value in loftr.state_dict().items()}
    assert len(state) == 211
    torch.save({"state_dict": state}, tmp_path / "indoor_ds_new.ckpt")
    model = load_loftr(tmp_path / "indoor_ds_new.ckpt", torch.device("cpu"))
    assert model.config["coarse"]["temp_bug_fix"] is True
    monkeypatch.setattr(elevation, "LOFTR_SIDE", 128)
    model.coarse_matching.thr = 0.0
    noise = np.random.default_rng(0).integers(0, 240, (16, 16, 3), np.uint8)
    view = np.full((64, 64, 3), 255, np.uint8)
    view[16:48, 16:48] = noise.repeat(2, 0).repeat(2, 1)
    found = match(model, np.stack([view] * 4), torch.device("cpu"))
    assert set(found) == set(combinations(range(4), 2))
    for rows in found.values():
        assert len(rows) > 20
        assert rows[:, :4].min() >= 64 and rows[:, :4].max() < 192  # in pixels of 256
        assert np.abs(rows[:, :2] - rows[:, 2:4]).max() < 8.1  # the fine step's reach, half of a coarse cell


def test_weights_of_another_network_are_refused(loftr, tmp_path):
    state = {f"matcher.{name}": value for name, value in loftr.state_dict().items()}
    del state["matcher.backbone.conv1.weight"]
    torch.save({"state_dict": state}, tmp_path / "file")
    with pytest.raises(WeightsError, match=r"backbone\.conv1\.weight is missing"):
        load_loftr(tmp_path / "file", torch.device("cpu"))
    torch.save({"state_dict": 3}, tmp_path / "file")
    with pytest.raises(WeightsError, match="LoFTR"):
        load_loftr(tmp_path / "file", torch.device("cpu"))


class Intruder:
    def __reduce__(self):
        return os.mkdir, ("intruded",)


def test_three_differences_are_named_and_pickled_code_never_runs(loftr, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    state = {f"matcher.{name}": value for name, value in loftr.state_dict().items()}
    names = list(state)
    for name in names[:4]:
        del state[name]
    torch.save({"state_dict": state}, "file")
    with pytest.raises(WeightsError) as caught:
        load_loftr(Path("file"), torch.device("cpu"))
    told = [f"{name.removeprefix('matcher.')} is missing" in str(caught.value) for name in names[:4]]
    assert sum(told) == 3 and "and 1 more" in str(caught.value)
    torch.save({"state_dict": {}, "other": Intruder()}, "file")
    with pytest.raises(WeightsError, match="run a program"):
        load_loftr(Path("file"), torch.device("cpu"))
    assert not Path("intruded").exists()

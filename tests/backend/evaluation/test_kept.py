# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluated objects come back from the disk as they were, and are only gone on with under the same settings."""

from pathlib import Path

import numpy as np
import pytest

from backend.evaluation.kept import is_there, load, open_folder, save
from backend.evaluation.scoring import Evaluated
from backend.interface.parameters import ParameterError


def test_an_object_comes_back_as_it_was(tmp_path: Path):
    sheet = np.random.default_rng(0).integers(0, 256, (4, 8, 3)) / np.float32(255)
    one = Evaluated("a-b", {"lrm": {"psnr": float("inf"), "ssim": 0.1}}, {"clip lrm": np.eye(3)}, sheet)
    assert not is_there(tmp_path, "a-b")
    save(tmp_path, one)
    found = load(tmp_path, "a-b")
    assert is_there(tmp_path, "a-b") and found.name == "a-b" and found.scores == one.scores
    np.testing.assert_array_equal(found.features["clip lrm"], np.eye(3))
    np.testing.assert_allclose(found.sheet, sheet, atol=1e-6)


def test_only_the_same_settings_are_gone_on_with(tmp_path: Path):
    folder = tmp_path / "objects"
    open_folder(folder, {"engines": ["lrm"]}, resume=True)
    save(folder, Evaluated("a", {}))
    open_folder(folder, {"engines": ["lrm"]}, resume=True)
    assert is_there(folder, "a")
    with pytest.raises(ParameterError, match="other settings"):
        open_folder(folder, {"engines": ["one2345"]}, resume=True)
    assert is_there(folder, "a")
    open_folder(folder, {"engines": ["one2345"]}, resume=False)
    assert not is_there(folder, "a")

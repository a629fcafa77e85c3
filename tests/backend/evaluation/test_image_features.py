# SPDX-License-Identifier: GPL-3.0-or-later
"""Fréchet distances against their formula with a matrix root, and what is said of missing weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from backend.evaluation.image_features import (
    INCEPTION,
    extract_all,
    frechet_distance,
    load_extractors,
    load_inception,
    mean_cosine,
)
from backend.interface.catalog import WeightsError


def test_frechet_distances_equal_the_formula():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(300, 6)) @ rng.normal(size=(6, 6)), rng.normal(1, 2, (200, 6))
    s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s + t - 2 * np.real(sqrtm(s @ t)))
    assert frechet_distance(a, b) == pytest.approx(expected)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, a + 2) == pytest.approx(6 * 4)


def test_fewer_images_than_features_have_a_distance_too():
    """Two pairs along the axes: variances 2 and 8 of one feature each, 0 in common."""
    a, b = np.zeros((2, 50)), np.zeros((2, 50))
    a[:, 0], b[:, 1] = [-1, 1], [-2, 2]
    assert frechet_distance(a, b) == pytest.approx(2 + 8)


def test_mean_cosine_of_known_angles():
    found = mean_cosine(np.array([[2.0, 0], [0, 5], [1, 1]]), np.array([3.0, 0]))
    assert found == pytest.approx((1 + 0 + np.sqrt(0.5)) / 3)


def test_images_reach_the_networks_channels_first():
    image = np.zeros((4, 6, 3), np.float32)
    image[1, 2] = [0.1, 0.2, 0.3]
    found = extract_all({"pixel": lambda images: images[:, :, 1, 2]}, [image, image * 2])
    np.testing.assert_allclose(found["pixel"], [[0.1, 0.2, 0.3], [0.2, 0.4, 0.6]])


class Double(torch.nn.Module):
    """Takes what the published network takes: bytes, and whether features are wanted."""

    def forward(self, images: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        assert return_features and images.dtype == torch.uint8
        return images.float().mean((2, 3))


def test_the_network_of_fid_gets_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IMAGE_TO_MESH_WEIGHTS", str(tmp_path))
    torch.jit.script(Double()).save(str(tmp_path / INCEPTION))
    found, missing = load_extractors()
    features = extract_all(found, [np.full((8, 8, 3), 0.5, np.float32)])["inception"]
    np.testing.assert_array_equal(features, [[128, 128, 128]])
    assert not any("FID" in sentence for sentence in missing)
    (tmp_path / INCEPTION).write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="cannot be read"):
        load_inception(tmp_path / INCEPTION)


def test_every_missing_network_is_named_with_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IMAGE_TO_MESH_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    found, missing = load_extractors()
    assert found == {} and len(missing) == 3
    for words, sentence in zip(("train lpips", INCEPTION, "clip-vit-base-patch16"), missing, strict=True):
        assert words in sentence

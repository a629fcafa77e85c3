# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixels as bytes and on white, for numpy and torch alike."""

import numpy as np
import pytest
import torch

from backend.runtime.images import on_white, to_bytes, to_opaque_bytes


def same(values):
    return values


@pytest.mark.parametrize("kind", [same, torch.from_numpy], ids=["numpy", "torch"])
def test_bytes_are_rounded_and_clipped(kind):
    values = np.array([[0, 1, 0.4 / 255, 0.6 / 255, 127.4 / 255], [-3, 7, np.nan, np.inf, -np.inf]], np.float32)
    seen = to_bytes(kind(values))
    assert seen.dtype == np.uint8
    np.testing.assert_array_equal(seen, [[0, 255, 0, 1, 127], [0, 255, 0, 255, 0]])


def test_every_byte_comes_back_in_every_precision():
    levels = np.arange(256)
    for dtype in (torch.float64, torch.float32, torch.float16):
        np.testing.assert_array_equal(to_bytes(torch.from_numpy(levels / 255).to(dtype)), levels)
    coarse = to_bytes(torch.from_numpy(levels / 255).bfloat16().requires_grad_())
    assert np.abs(coarse.astype(int) - levels).max() <= 1  # bfloat16 itself has 8 digits


@pytest.mark.parametrize("kind", [same, torch.from_numpy], ids=["numpy", "torch"])
def test_images_are_composited_on_white(kind):
    image = np.array([[[1, 0, 0, 0.25], [0, 1, 0, 0], [0, 0, 1, 1]]], np.float32)
    seen = np.asarray(on_white(kind(image)))
    assert seen.dtype == np.float32
    np.testing.assert_allclose(seen, [[[1, 0.75, 0.75], [1, 1, 1], [0, 0, 1]]])


def test_opaque_bytes_are_rows_of_rgba_pixels():
    images = torch.zeros(2, 3, 1, 2)
    images[1, :, 0, 1] = torch.tensor([0.2, 1.5, -1.0])
    found = to_opaque_bytes(images)
    assert found.shape == (2, 1, 2, 4) and found.dtype == np.uint8
    assert found[1, 0, 1].tolist() == [51, 255, 0, 255] and found[0, 0, 0].tolist() == [0, 0, 0, 255]

# SPDX-License-Identifier: GPL-3.0-or-later
"""Shadows that an image program painted, and objects of glass and smoke."""

import numpy as np
import pytest
from scipy import ndimage

from backend.preprocess.background import remove_background
from backend.preprocess.image import encode_png, read_image
from backend.preprocess.shadows import SHADOW_WORDS
from backend.preprocess.translucency import GLASS_WORDS

SIDE = 200
Y, X = np.mgrid[:SIDE, :SIDE]


def blank() -> np.ndarray:
    return np.zeros((SIDE, SIDE, 4), np.float32)


def box(color: tuple[float, float, float] = (0.7, 0.4, 0.1)) -> np.ndarray:
    """An opaque box in rows and columns 60 to 119."""
    image = blank()
    image[60:120, 60:120] = (*color, 1)
    return image


def bottle() -> np.ndarray:
    """Dark glass with an opaque cap; glass ends at an edge."""
    image = blank()
    image[60:180, 70:130] = (0.1, 0.1, 0.1, 0.4)
    image[40:60, 85:115] = (0.2, 0.2, 0.2, 1)
    return image


def smoke() -> np.ndarray:
    image = blank()
    image[..., :3] = 0.5
    image[..., 3] = 0.45 * np.exp(-((X - 100) ** 2 + (Y - 90) ** 2) / 2 / 25**2)
    return image


def glass() -> np.ndarray:
    image = blank()
    image[..., :3], image[..., 3] = (0.7, 0.9, 0.8), 0.25 * (np.hypot(X - 100, Y - 100) < 60)
    return image


@pytest.mark.parametrize("mode", ["auto", "never", "always"])
@pytest.mark.parametrize(("make", "area"), [(bottle, 120 * 60 + 20 * 30), (glass, np.pi * 60**2)])
def test_glass_is_an_object(make, area, mode):
    cut = remove_background(read_image(encode_png(make())), mode)
    assert (cut.image[..., 3] >= 0.5).sum() == pytest.approx(area, rel=0.03)
    assert GLASS_WORDS in cut.note and SHADOW_WORDS not in cut.note


def test_smoke_is_an_object():
    """Half of what is seen becomes opaque; what has half of its opacity or more counts as the object."""
    image = smoke()
    alpha = image[..., 3]
    middle = np.median(alpha[alpha >= 8 / 255])
    cut = remove_background(image)
    np.testing.assert_array_equal(cut.image[..., 3] >= 0.5, alpha >= middle / 2)
    assert GLASS_WORDS in cut.note


def test_an_opaque_object_in_a_colored_glow_is_not_glass():
    image = box()
    glow = 0.4 * ndimage.gaussian_filter(image[..., 3], 6)
    outside = image[..., 3] == 0
    image[outside, :3], image[outside, 3] = (0.2, 0.9, 1.0), glow[outside]
    cut = remove_background(image)
    assert (cut.image[..., 3] >= 0.5).sum() == 3600 and GLASS_WORDS not in cut.note

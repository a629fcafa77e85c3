# SPDX-License-Identifier: GPL-3.0-or-later
"""Mixed pixels of known colours and opacities are separated again."""

import numpy as np
import pytest

from backend.preprocess import outline
from backend.preprocess.outline import mean_near, separate

SIZE = 64
RED, BLUE = np.array([0.8, 0.2, 0.1], np.float32), np.array([0.1, 0.3, 0.7], np.float32)


def disc(radius: float, softness: float = 1.0) -> np.ndarray:
    """Opacity (SIZE, SIZE) of a disc whose edge is `softness` pixels wide."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    return np.clip((radius - np.hypot(x, y)) / softness + 0.5, 0, 1)


def mixed(alpha: np.ndarray, object_color: np.ndarray = RED, behind: np.ndarray = BLUE) -> np.ndarray:
    return (alpha[..., None] * object_color + (1 - alpha[..., None]) * behind).astype(np.float32)


@pytest.mark.parametrize("shift", [-1, 0, 1])
@pytest.mark.parametrize("softness", [1.0, 2.0])
def test_known_mixes_are_recovered_from_an_outline_that_is_a_pixel_off(shift, softness):
    alpha = disc(20, softness)
    color, found = separate(mixed(alpha), disc(20 + shift))
    mixes = (alpha > 0) & (alpha < 1)
    assert np.abs(found - alpha)[mixes].mean() < 0.02 and np.abs(found - alpha).max() < 0.25  # smoothed at corners
    of_object = found > 0.05  # at most a twentieth of the background's colour is left
    assert np.abs(color[of_object] - RED).max() < 0.05 * np.abs(RED - BLUE).max() + 0.005
    assert found.dtype == color.dtype == np.float32


def test_the_colours_are_those_of_the_surroundings():
    """Where the object's two halves have two colours, so do the mixes at their outlines."""
    alpha = disc(20)
    left = np.arange(SIZE)[None, :, None] < SIZE // 2
    object_color = np.where(left, RED, np.float32([0.2, 0.7, 0.2])) * np.ones((SIZE, 1, 1), np.float32)
    color, found = separate(mixed(alpha, object_color), alpha)
    aside = np.abs(np.arange(SIZE) - (SIZE - 1) / 2) > outline.REACH + outline.RIM
    near = (found > 0.05) & aside
    np.testing.assert_allclose(color[near], object_color[near], atol=0.02)
    assert np.abs(found - alpha)[:, aside].mean() < 0.001


def test_equal_colours_keep_the_mattes_opacity():
    """White on white: nothing tells object and background apart, so the network's word counts."""
    alpha = disc(20, 3.0)
    found = separate(mixed(alpha, RED, RED), alpha)[1]
    rim = np.abs(alpha - 0.5) < 0.3
    np.testing.assert_allclose(found[rim], alpha[rim], atol=1e-6)


@pytest.mark.parametrize("width", [1, 2, 3])
def test_a_thin_line_of_another_colour_stays_as_it_is(width):
    """It has no inner part: its colour is taken from the line itself."""
    alpha = np.zeros((SIZE, SIZE))
    alpha[:, 30 : 30 + width] = 1
    color, found = separate(mixed(alpha), alpha)
    np.testing.assert_allclose(found, alpha, atol=1e-6)
    np.testing.assert_allclose(color[alpha == 1], mixed(alpha)[alpha == 1], atol=1e-6)


def test_a_pattern_behind_makes_no_pixel_stand_out():
    """Specks of the object's colour beside its straight outline."""
    alpha = np.zeros((SIZE, SIZE))
    alpha[:, :32] = 1
    color = mixed(alpha)
    color[4::6, 33] = RED
    assert separate(color, alpha)[1][:, 32:].max() < 0.02


@pytest.mark.parametrize("known", [True, False])
def test_a_narrow_gap_needs_the_backdrop(known):
    """Half covered columns on each side of a gap that is two pixels wide."""
    alpha = disc(24)
    alpha[20:44, 31:33] = 0
    alpha[20:44, 30] = alpha[20:44, 33] = 0.5
    backdrop = np.broadcast_to(BLUE, (SIZE, SIZE, 3)) if known else None
    matte = np.where(alpha > 0.6, 1.0, 0.0)
    found = separate(mixed(alpha), matte, backdrop)[1]
    expected = alpha if known else matte
    np.testing.assert_allclose(found[24:40, 28:36], expected[24:40, 28:36], atol=0.02)


def test_means_are_weighted_by_distance():
    """Against a loop over the pixels around each."""
    rng = np.random.default_rng(0)
    color, mask = rng.random((20, 24, 3)).astype(np.float32), rng.random((20, 24)) < 0.2
    rows, columns = np.array([0, 10, 19]), np.array([0, 12, 5])
    where = np.zeros_like(mask)
    where[rows, columns] = True
    means, found = mean_near(color, mask, where)
    for k in range(3):
        total, weight = np.zeros(3), 0.0
        for y, x in np.argwhere(mask):
            squared = (y - rows[k]) ** 2 + (x - columns[k]) ** 2
            if squared <= outline.REACH**2:
                near = np.exp(-squared / (2 * outline.RIM**2))
                total, weight = total + near * color[y, x], weight + near
        assert found[k] == (weight > 0)
        np.testing.assert_allclose(means[k], total / weight, rtol=1e-4)
    assert not mean_near(color, np.zeros_like(mask), where)[1].any()

# SPDX-License-Identifier: GPL-3.0-or-later
"""Highlights of a background's color are no holes; holes with an edge all round are."""

import numpy as np
import pytest
from scipy import ndimage

from backend.preprocess.background import cut_at_border_color

LIGHT = np.array([0.3, -0.3, 0.9]) / np.linalg.norm([0.3, -0.3, 0.9])


def ball(radius: float, side: int, shade, behind: float) -> np.ndarray:
    """RGB (side, side, 3) of a grey ball; shade(cosine of the angle to the light) is its tone."""
    y, x = (np.mgrid[:side, :side] + 0.5 - side / 2) / radius
    z = np.sqrt(np.clip(1 - x * x - y * y, 0, 1))
    tone = np.clip(shade(np.clip(x * LIGHT[0] + y * LIGHT[1] + z * LIGHT[2], 0, 1)), 0, 1)
    return np.repeat(np.where(x * x + y * y < 1, tone, behind)[..., None], 3, 2).astype(np.float32)


def mug(color: float, blur: float, handle: int, behind: float = 1.0) -> np.ndarray:
    """A shaded mug with a handle."""
    y, x = np.mgrid[:256, :256]
    tone = color * (0.75 + 0.25 * np.cos((x - 118) / 40))
    handle_part = (np.abs(np.hypot(x - 165, y - 130) - 33) < handle) & (x > 162)
    body = (x > 70) & (x < 165) & (y > 65) & (y < 195)
    image = np.where(body | handle_part, tone, behind)
    image = ndimage.gaussian_filter(image, blur) if blur else image
    return np.repeat(image[..., None], 3, 2).astype(np.float32)


def holes(image: np.ndarray) -> int:
    """Number of holes in the cut-out object."""
    solid = cut_at_border_color(np.rint(image * 255).astype(np.float32) / 255)[0][..., 3] >= 0.5
    assert solid.any()
    return ndimage.label(ndimage.binary_fill_holes(solid) & ~solid)[1]  # pyright: ignore


@pytest.mark.parametrize(("radius", "side"), [(16, 64), (40, 128), (120, 512), (230, 600)])
def test_a_highlight_as_bright_as_the_background_is_no_hole(radius: float, side: int):
    assert holes(ball(radius, side, lambda light: 0.3 + 0.8 * light, 1)) == 0


def test_a_glossy_highlight_is_no_hole():
    assert holes(ball(100, 256, lambda light: 0.1 + 0.3 * light + 1.5 * light**40, 1)) == 0


def test_shading_that_passes_through_a_grey_background_is_no_hole():
    assert holes(ball(80, 256, lambda light: 0.1 + 0.85 * light, 0.5)) == 0


@pytest.mark.parametrize("blur", [0, 0.7, 1.5])
@pytest.mark.parametrize(("color", "handle"), [(0.2, 6), (0.2, 2.5), (0.9, 6), (1.0, 6)])
def test_a_handle_has_a_hole(color: float, handle: float, blur: float):
    assert holes(mug(color, blur, handle)) == 1

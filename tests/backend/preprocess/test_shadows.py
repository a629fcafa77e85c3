# SPDX-License-Identifier: GPL-3.0-or-later
"""Soft shadows that an image program painted into the transparency, and those on the floor of a photograph."""

import numpy as np
import pytest
from scipy import ndimage

from backend.preprocess.background import cut_at_border_color, remove_background
from backend.preprocess.framing import frame
from backend.preprocess.image import encode_png, read_image
from backend.preprocess.shadows import SHADOW_WORDS

SIDE = 200
Y, X = np.mgrid[:SIDE, :SIDE]


def blank() -> np.ndarray:
    return np.zeros((SIDE, SIDE, 4), np.float32)


def box(color: tuple[float, float, float] = (0.7, 0.4, 0.1)) -> np.ndarray:
    """An opaque box in rows and columns 60 to 119."""
    image = blank()
    image[60:120, 60:120] = (*color, 1)
    return image


def with_shadow(image: np.ndarray, right: int, down: int, blur: float, strength: float, tone: float = 0) -> np.ndarray:
    """The image over its own shadow, moved and blurred, as image programs paint it."""
    alpha = image[..., 3:]
    moved = ndimage.shift(image[..., 3], (down, right), order=0)
    shade = strength * ndimage.gaussian_filter(moved, blur)[..., None]
    total = alpha + shade * (1 - alpha)
    color = (image[..., :3] * alpha + tone * shade * (1 - alpha)) / np.maximum(total, 1e-6)
    return np.concatenate([color, total], -1).astype(np.float32)


def box_of(alpha: np.ndarray) -> tuple[int, ...]:
    rows, columns = np.nonzero(alpha.any(1))[0], np.nonzero(alpha.any(0))[0]
    return int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])


@pytest.mark.parametrize(
    ("right", "down", "blur", "strength", "tone"),
    [(20, 20, 8, 0.5, 0), (0, 0, 10, 0.6, 0), (-15, 25, 5, 0.4, 0.1), (0, 62, 6, 0.5, 0), (10, 10, 12, 0.8, 0)],
)
@pytest.mark.parametrize("color", [(0.7, 0.4, 0.1), (0.05, 0.05, 0.05), (1, 1, 1)])
def test_a_soft_shadow_is_no_part_of_the_object(right, down, blur, strength, tone, color):
    image = read_image(encode_png(with_shadow(box(color), right, down, blur, strength, tone)))
    assert box_of(image[..., 3]) != (60, 119, 60, 119)
    cut = remove_background(image)
    assert box_of(cut.image[..., 3]) == (60, 119, 60, 119)
    assert (cut.image[60:120, 60:120, 3] == 1).all() and SHADOW_WORDS in cut.note
    _, window = frame(cut.image, 64)
    assert window.side == 80  # the box's side, 60, as three quarters of the window's


def test_soft_edges_stay_without_a_shadow():
    """Black and grey objects whose outlines are dark and half transparent over two pixels, as blurred ones are."""
    image = blank()
    image[..., :3], image[..., 3] = 0.05, np.clip((50 - np.hypot(X - 100, Y - 100)) / 2, 0, 1)
    cut = remove_background(image)
    np.testing.assert_array_equal(cut.image[..., 3], np.where(image[..., 3] < 8 / 255, 0, image[..., 3]))
    assert SHADOW_WORDS not in cut.note


def test_smoke_above_an_object_stays():
    image = with_shadow(box(), 0, -60, 8, 0.5, 0.1)
    assert SHADOW_WORDS not in remove_background(image).note


def photograph(color: tuple[float, float, float], backdrop: np.ndarray, blur: float, down: int) -> np.ndarray:
    """An opaque picture of the box before a wall, with a shadow that takes half of the light at most."""
    image = box(color)
    shade = 0.5 * ndimage.gaussian_filter(ndimage.shift(image[..., 3], (down, 12), order=0), blur)
    behind = backdrop * (1 - shade[..., None])
    mixed = image[..., :3] * image[..., 3:] + behind * (1 - image[..., 3:])
    return np.rint(255 * mixed).astype(np.float32) / 255


@pytest.mark.parametrize("blur", [5, 10])
@pytest.mark.parametrize("down", [10, 25])
@pytest.mark.parametrize("behind", ["white", "grey", "uneven"])
@pytest.mark.parametrize("color", [(0.7, 0.4, 0.1), (0.1, 0.1, 0.1), (0.9, 0.2, 0.2)])
def test_a_soft_shadow_on_the_floor_is_no_part_of_the_object(color, behind: str, down: int, blur: float):
    walls = {
        "white": np.ones((SIDE, SIDE, 3)),
        "grey": np.full((SIDE, SIDE, 3), 0.75),
        "uneven": np.stack([0.9 - 0.2 * Y / SIDE, 0.8 - 0.1 * X / SIDE, 0.85 - 0.1 * Y / SIDE], -1),
    }
    found = cut_at_border_color(photograph(color, walls[behind], blur, down))[0][..., 3] >= 0.5
    wanted = box()[..., 3] > 0
    assert (found & wanted).sum() / (found | wanted).sum() > 0.95


@pytest.mark.parametrize("tone", [0.55, 0.8])
def test_a_shaded_grey_object_before_white_is_no_shadow(tone: float):
    """A round pillar, whose sides get darker without an edge, before a white wall."""
    image = np.ones((SIDE, SIDE, 3), np.float32)
    across = (X[0, 60:140] - 99.5) / 40
    image[40:180, 60:140] = (tone * np.sqrt(1 - across**2) + 0.1)[None, :, None]
    found = cut_at_border_color(image)[0][..., 3] >= 0.5
    assert found[40:180, 60:140].mean() > 0.98 and found.sum() < 140 * 80 * 1.02

# SPDX-License-Identifier: GPL-3.0-or-later
"""Framing against One-2-3-45's published numbers and hand-worked windows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from backend.interface.errors import ImageError
from backend.preprocess.framing import Window, fit_into, frame, frame_as_released, lower_contrast
from backend.runtime.images import on_white


def read(path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_framing_equals_the_published_preprocessing(fixtures):
    """framing_output.png is what the reference makes of framing_input.png: 256 x 256 on white, truncated to 8 bits."""
    image = read(fixtures / "framing_input.png").astype(np.float32) / 255
    expected = read(fixtures / "framing_output.png")
    framed, window = frame(image, 256)
    assert framed.shape == (256, 256, 4) and framed.dtype == np.float32
    ours = np.floor(on_white(framed) * 255 + 1e-3).astype(int)
    assert np.abs(ours - expected).max() <= 1
    assert (ours == expected).mean() > 0.999
    assert window == Window(left=51, top=-39, side=238)  # the box, 179 x 89 at (81, 36), starts at (119 - 89, 119 - 44)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 20), st.integers(0, 20))
def test_object_fills_three_quarters_and_sits_in_the_middle(width, height, left, top):
    image = np.zeros((90, 90, 4), np.float32)
    image[top : top + height, left : left + width] = 1
    size = 128
    framed, window = frame(image, size)
    assert window.side == int(max(width, height) / 0.75)
    # by hand: the middle of column i shows source column left + (i + 0.5) * side / size
    x = window.left + (np.arange(size) + 0.5) * window.side / size
    y = window.top + (np.arange(size) + 0.5) * window.side / size
    across, down = np.abs(x - left - width / 2) - width / 2, np.abs(y - top - height / 2) - height / 2
    outside = np.maximum(across, down[:, None])  # source pixels from the box, negative inside
    blur = 3 * max(1, window.side / size)  # reach of LANCZOS
    assert (framed[..., 3][outside < -blur] > 0.9).all()
    assert (framed[..., 3][outside > blur] < 0.1).all()
    assert (
        np.abs(
            [left + width / 2 - window.left - window.side / 2, top + height / 2 - window.top - window.side / 2]
        ).max()
        <= 1
    )


def test_colours_do_not_bleed_in_from_transparent_pixels():
    image = np.zeros((40, 40, 4), np.float32)
    image[...] = (1, 0, 0, 0)  # red, invisible
    image[10:30, 10:30] = (0, 1, 0, 1)
    framed, _ = frame(image, 64)
    visible = framed[..., 3] > 0.05
    assert framed[visible][:, 0].max() < 0.05 and framed[visible][:, 1].min() > 0.95


def test_an_invisible_picture_is_refused():
    with pytest.raises(ImageError, match="transparent"):
        frame(np.zeros((32, 32, 4), np.float32), 64)


@pytest.mark.parametrize("darker", [False, True])
def test_framing_equals_the_released_preprocessing_bit_by_bit(darker, fixtures):
    image = read(fixtures / "framing_input.png").astype(np.float32) / 255
    framed = frame_as_released(lower_contrast(image) if darker else image, 256)
    np.testing.assert_array_equal(framed, read(fixtures / f"framing_output{'_darker' if darker else ''}.png"))


def test_large_images_are_shrunk_and_small_ones_kept():
    image = np.random.default_rng(0).integers(0, 256, (300, 1200, 4)).astype(np.float32) / 255
    assert fit_into(image, 512).shape == (128, 512, 4)
    np.testing.assert_array_equal(fit_into(image[:, :500], 512), image[:, :500])

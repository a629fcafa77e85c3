# SPDX-License-Identifier: GPL-3.0-or-later
"""Zero123's own framing, on pictures whose pixels are known."""

import numpy as np
import pytest

from backend.interface.errors import ImageError
from backend.preprocess.zero123_framing import frame_object, whole_picture


def box(size: tuple[int, int], top: int, left: int, height: int, width: int) -> np.ndarray:
    image = np.zeros((*size, 4), np.float32)
    image[top : top + height, left : left + width] = (1, 0, 0, 1)
    return image


def extent(rgb: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = (np.flatnonzero((rgb[..., 1] < 0.5).any(axis)) for axis in (1, 0))
    return rows[0], columns[0], len(rows), len(columns)


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (box((600, 800), 50, 300, 400, 300), (28, 53, 200, 150)),  # shrunk to 200 on its longer side, in the middle
        (box((100, 100), 0, 80, 40, 20), (108, 118, 40, 20)),  # never enlarged
    ],
)
def test_the_object_is_shrunk_never_enlarged_and_centred_on_white(picture, expected):
    rgb = frame_object(picture)
    assert rgb.shape == (256, 256, 3) and rgb.dtype == np.float32
    assert extent(rgb) == expected
    top, left, height, width = expected
    inside = rgb[top : top + height, left : left + width]
    np.testing.assert_array_equal(inside, np.broadcast_to((1, 0, 0), (height, width, 3)))
    assert rgb[0, 0].tolist() == [1, 1, 1] and rgb.min(2).sum() == 256 * 256 - height * width


def test_alpha_is_thresholded():
    picture = box((100, 100), 10, 10, 50, 50)
    picture[:5, :5] = (0, 0, 1, 127 / 255)  # as good as invisible
    picture[20, 20, 3] = 128 / 255
    rgb = frame_object(picture)
    assert extent(rgb) == (103, 103, 50, 50)
    assert rgb[113, 113].tolist() == [1, 0, 0]
    with pytest.raises(ImageError):
        frame_object(np.zeros((8, 8, 4), np.float32))


def test_an_image_without_transparency_is_blended_with_white():
    picture = np.zeros((512, 512, 4), np.float32)
    picture[..., 3] = 0.4
    np.testing.assert_allclose(whole_picture(picture), np.full((256, 256, 3), 0.6), atol=1e-6)

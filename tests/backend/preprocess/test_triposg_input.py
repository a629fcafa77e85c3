# SPDX-License-Identifier: GPL-3.0-or-later
"""TripoSG's input, pixel for pixel as its release prepares it."""

import numpy as np
import pytest
import torch

from backend.interface.errors import ImageError
from backend.preprocess.triposg_input import MEAN, STD, dinov2_input, triposg_picture
from tests.support.triposg_checkpoints import recorded


@pytest.mark.parametrize("name", ["a", "b"])
def test_the_object_stands_on_white_as_published(name):
    numbers = recorded("image_preparation")
    found = triposg_picture(numbers[f"rgba_{name}"].numpy().astype(np.float32) / 255)
    np.testing.assert_array_equal(found, numbers[f"rgb_{name}"].numpy())


def test_dinov2_sees_the_published_pixels():
    numbers = recorded("image_cond")
    pixels = dinov2_input(numbers["rgb"].numpy())[0]
    torch.testing.assert_close(pixels[:, 100], numbers["pixel_values_row100"])
    torch.testing.assert_close(pixels[:, :, 37], numbers["pixel_values_column37"])


def test_the_middle_of_a_large_picture_is_kept():
    """224 of 256 pixels: of a picture of 512, what lies within 32 pixels of its border is cut off."""
    picture = np.zeros((512, 512, 3), np.uint8)
    picture[36:-36, 36:-36] = 255  # a border of 18 pixels, two of which remain
    seen = dinov2_input(picture)[0] * torch.tensor(STD)[:, None, None] + torch.tensor(MEAN)[:, None, None]
    assert seen.shape == (3, 224, 224)
    assert seen[:, 112, 0].max() < 0.1 and seen[:, 112, 5].min() > 0.95


def test_an_image_of_nothing_is_refused():
    with pytest.raises(ImageError, match="transparent"):
        triposg_picture(np.zeros((8, 8, 4), np.float32))

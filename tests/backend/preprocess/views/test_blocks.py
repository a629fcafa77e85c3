# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np

from backend.preprocess.views.blocks import average_blocks


def test_blocks_are_averaged_by_their_alpha():
    image = np.zeros((5, 4, 4), np.float32)
    image[0, 0], image[1, 1], image[0, 1] = (1, 0, 0, 1), (0, 1, 0, 0.5), (0, 0, 1, 0)
    small = average_blocks(image, 2)
    assert small.shape == (2, 2, 4)
    np.testing.assert_allclose(small[0, 0], (2 / 3, 1 / 3, 0, 3 / 8), atol=1e-6)
    assert not small[1:, 1:].any() and average_blocks(image, 1) is image

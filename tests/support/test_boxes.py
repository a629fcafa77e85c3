# SPDX-License-Identifier: GPL-3.0-or-later
"""The test objects are what their tests take them for."""

import pytest

from tests.support.boxes import brick


def test_the_test_brick_is_closed_and_has_its_volume():
    for parts in (1, 3):
        assert brick(parts).volume == pytest.approx(0.7 * 0.3 * 0.4, rel=1e-4)

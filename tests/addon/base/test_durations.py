# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
"""Durations in words."""

import pytest
from image_to_mesh_checkout.addon.base.durations import expected_words, left_words


@pytest.mark.parametrize(
    "seconds, words",
    [
        (0, "About 10 s"),
        (10, "About 10 s"),
        (10.1, "About 20 s"),
        (43, "About 50 s"),
        (90, "About 90 s"),
        (91, "About 2 min"),
        (180, "About 3 min"),
        (5400, "About 90 min"),
        (5401, "About 2 h"),
        (7201, "About 3 h"),
    ],
)
def test_durations_are_rounded_up(seconds, words):
    assert expected_words(seconds) == words
    assert left_words(seconds) == f"{words} left"


def test_durations_are_translated_before_the_number_is_filled_in():
    german = {"About {} min": "Etwa {} min", "About {} min left": "Noch etwa {} min"}
    assert expected_words(170, german.__getitem__) == "Etwa 3 min"
    assert left_words(170, german.__getitem__) == "Noch etwa 3 min"

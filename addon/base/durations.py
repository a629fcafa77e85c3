# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations in words, rounded up: a promise that is kept early disappoints nobody."""

from __future__ import annotations

import math
from collections.abc import Callable

UNITS_S = (1, 60, 3600)
SECONDS_TO, MINUTES_TO = 90, 90 * 60  # seconds up to which a duration is told in seconds, and in minutes
EXPECTED_WORDS = ("About {} s", "About {} min", "About {} h")
FEW_WORDS = "A few seconds left"
LEFT_WORDS = ("About {} s left", "About {} min left", "About {} h left")


def rounded(seconds: float) -> tuple[int, int]:
    """A number, and the index of its unit: whole tens of seconds, minutes or hours."""
    if seconds <= SECONDS_TO:
        return max(math.ceil(seconds / 10) * 10, 10), 0
    unit = 1 if seconds <= MINUTES_TO else 2
    return math.ceil(seconds / UNITS_S[unit]), unit


def expected_words(seconds: float, translate: Callable[[str], str] = str) -> str:
    """How long something will take, such as: About 40 s."""
    number, unit = rounded(seconds)
    return translate(EXPECTED_WORDS[unit]).format(number)


def left_words(seconds: float, translate: Callable[[str], str] = str) -> str:
    """How long something will go on, such as: About 3 min left."""
    number, unit = rounded(seconds)
    return translate(LEFT_WORDS[unit]).format(number)

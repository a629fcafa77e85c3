# SPDX-License-Identifier: GPL-3.0-or-later
"""One-2-3-45's two-stage view set: eight views all around, then four close neighbours of each."""

from __future__ import annotations

FOV_DEG = 49.1  # 560 / 2 px of focal length on 256 px
RADIUS = 1.2
LOW_BRANCH_ELEVATION = 15  # from here up the second ring lies below the input, else above it
NEIGHBOURS = ((0, 10), (0, -10), (-10, 0), (10, 0))  # (azimuth, elevation) offsets in degrees, in the published order


def first_stage(elevation_deg: float) -> list[tuple[float, float]]:
    """(azimuth, elevation) of the eight views in degrees, azimuth counted from the input view.

    Four at the input's height, four 30 degrees lower or higher, by the input's elevation (One-2-3-45, section 3.2).
    """
    second = -30 if elevation_deg >= LOW_BRANCH_ELEVATION else 30
    return [(90.0 * i, elevation_deg) for i in range(4)] + [(30 + 90.0 * i, elevation_deg + second) for i in range(4)]


def second_stage(view: tuple[float, float]) -> list[tuple[float, float]]:
    """(azimuth, elevation) of the four neighbours of a first-stage view."""
    return [(view[0] + a, view[1] + e) for a, e in NEIGHBOURS]


def view_set(elevation_deg: float) -> list[tuple[float, float]]:
    """All 32 second-stage views, grouped by their first-stage view."""
    return [view for first in first_stage(elevation_deg) for view in second_stage(first)]

# SPDX-License-Identifier: GPL-3.0-or-later
"""Cameras on the view sphere, and One-2-3-45's two-stage view set: eight views around, four neighbours of each."""

from __future__ import annotations

import math

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


def orbit(azimuth_deg: float, elevation_deg: float, radius: float) -> list[list[float]]:
    """Camera-to-world matrix (4 x 4) of an upright camera on the view sphere that looks at the origin.

    Position: radius * (sin a cos e, -cos a cos e, sin e). Azimuth 0 is Blender's front view (numpad 1), 90 the right
    view (numpad 3), positive elevation looks down. Defined at the poles too.
    """
    a, e = math.radians(azimuth_deg), math.radians(elevation_deg)
    right = (math.cos(a), math.sin(a), 0.0)
    up = (-math.sin(a) * math.sin(e), math.cos(a) * math.sin(e), math.cos(e))
    back = (math.sin(a) * math.cos(e), -math.cos(a) * math.cos(e), math.sin(e))
    rows = [[right[i], up[i], back[i], radius * back[i]] for i in range(3)]
    return [*rows, [0.0, 0.0, 0.0, 1.0]]

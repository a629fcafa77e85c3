# SPDX-License-Identifier: GPL-3.0-or-later
"""Prompts that say from where the object is seen, and how strongly Perp-Neg avoids the other sides."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Side = Literal["front", "side", "back", "overhead"]
SIDES: tuple[Side, ...] = ("front", "side", "back", "overhead")
FRONT_DEG, BACK_DEG, OVERHEAD_DEG = 45.0, 135.0, 60.0


def side(azimuth_deg: float, elevation_deg: float) -> Side:
    """Which side a camera sees (DreamFusion, section 3.3, with threestudio's thresholds): from above wins."""
    if elevation_deg > OVERHEAD_DEG:
        return "overhead"
    turned = abs(wrap(azimuth_deg))
    return "front" if turned < FRONT_DEG else "back" if turned > BACK_DEG else "side"


def view_prompt(prompt: str, seen: Side) -> str:
    return f"{prompt}, {seen} view"


def wrap(azimuth_deg: float) -> float:
    """The angle in degrees, wrapped to -180..180."""
    return (azimuth_deg + 180) % 360 - 180


@dataclass(frozen=True)
class Mixture:
    """Perp-Neg's prompts for one camera: a positive prompt between two sides (share of the first), and the negative
    sides with their weights <= 0."""

    sides: tuple[Side, Side]
    share: float
    negatives: tuple[tuple[Side, float], ...]


def perp_neg_mixture(azimuth_deg: float, elevation_deg: float) -> Mixture:
    """Perp-Neg's recipe for 3D (Armandpour et al. 2023), with threestudio's numbers.

    Between front and side, and side and back, the positive prompt is a mixture; the sides that must not show are
    negatives, whose weight falls off as -(scale exp(-steepness r) + offset). The front is avoided most from behind.
    """
    if elevation_deg > OVERHEAD_DEG:
        return Mixture(("overhead", "overhead"), 1.0, ())
    turned = abs(wrap(azimuth_deg))
    if turned < 90:
        r = 1 - turned / 90
        return Mixture(
            ("front", "side"), r, (("front", fall(4, 0.5, -2.426, r)), ("side", fall(4, 0.5, -2.426, 1 - r)))
        )
    r = 2 - turned / 90
    return Mixture(("side", "back"), r, (("side", fall(1, 0.5, -0.606, r)), ("front", fall(1, 0.5, 0.967, r))))


def fall(scale: float, steepness: float, offset: float, r: float) -> float:
    """-(scale exp(-steepness r) + offset) for r in 0..1."""
    return -(scale * math.exp(-steepness * r) + offset)

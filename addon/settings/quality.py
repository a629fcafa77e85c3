# SPDX-License-Identifier: GPL-3.0-or-later
"""Fast, Balanced and Best: which one the chosen engine's settings are, and setting them to one."""

from __future__ import annotations

from ...backend.interface import presets
from . import engines

OWN = "OWN"  # settings that are none of the presets
DESCRIPTIONS = {
    "fast": "A coarser mesh, quickly",
    "balanced": "Suits most images",
    "best": "The finest mesh; takes several times as long",
}
ITEMS = [
    *((name.upper(), name.title(), DESCRIPTIONS[name], number) for number, name in enumerate(presets.PRESETS)),
    (OWN, "Own", "Set under Advanced", len(presets.PRESETS)),
]


def get(settings) -> int:
    """The number of the preset that equals the settings, or of OWN. Cheap."""
    engine = engines.chosen_engine(settings)
    for number, name in enumerate(presets.PRESETS):
        wanted = presets.preset(engine, name)
        if all(engines.value_of(settings, engine, engine.parameter(key)) == value for key, value in wanted.items()):
            return number
    return len(presets.PRESETS)


def put(settings, number: int) -> None:
    """Set the chosen engine's settings to a preset; OWN leaves them."""
    engine = engines.chosen_engine(settings)
    for name in presets.PRESETS[number : number + 1]:
        for key, value in presets.preset(engine, name).items():
            engines.set_value(settings, engine, key, value)

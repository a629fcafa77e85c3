# SPDX-License-Identifier: GPL-3.0-or-later
"""Fast, balanced, best: what each means for an engine, from its declaration alone."""

from __future__ import annotations

from typing import Any

from .parameters import Engine, ParameterError, nearest

PRESETS = ("fast", "balanced", "best")
FAST_MINUTES = 2.0  # of optimisation


def preset(engine: Engine, name: str) -> dict[str, Any]:
    """The values that a preset sets, a parameter's name to its value; what it is silent about stays. ParameterError.

    balanced is the defaults; fast halves the mesh's resolution and ends optimisations early; best doubles the
    resolution, keeps five times the faces, and takes the published solver.
    """
    if name not in PRESETS:
        raise ParameterError(
            f"There is no preset {name[:80]!r}{nearest(name, PRESETS)}. Presets: {', '.join(PRESETS)}."
        )
    values = {}
    for parameter in engine.parameters:
        default = parameter.default
        made = {
            "mesh_resolution": lambda d=default: {"fast": d // 2, "best": 2 * d},
            "max_faces": lambda d=default: {"fast": d // 4, "best": 5 * d},
            "minutes": lambda: {"fast": FAST_MINUTES},
            "quality": lambda: {"best": "paper"},
        }
        if parameter.name in made:
            value = made[parameter.name]().get(name, default)
            if parameter.kind == "int":
                value = int(min(max(value, parameter.minimum or 0), parameter.maximum or value))
            values[parameter.name] = parameter.check(value)
    return values

# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets: the parameters that fast, balanced and best set, for any task."""

from __future__ import annotations

from typing import Any

from .parameters import ParameterError, nearest
from .task import Task

PRESETS = ("fast", "balanced", "best")
SCALED = {  # multiples of the default, where that is not "the default for the weights"
    "mesh_resolution": {"fast": 0.5, "best": 2},
    "num_inference_steps": {"fast": 0.5},
    "latents": {"fast": 0.5},
}
REPLACED = {
    "max_faces": {"fast": 10_000, "best": 40_000},  # as many as a texture takes
    "texture": {"best": "2048"},
    "minutes": {"fast": 2.0},
    "quality": {"best": "paper"},
}


def preset(task: Task[Any], name: str) -> dict[str, Any]:
    """The values that a preset sets by the parameters' names; parameters that it leaves alone are not listed.

    balanced is the defaults; fast halves the mesh's resolution and TripoSG's steps and latents, and ends optimisations
    early; best doubles the resolution and the texture's, and takes the published solver. ParameterError names the
    nearest preset.
    """
    if name not in PRESETS:
        raise ParameterError(
            f"There is no preset {name[:80]!r}{nearest(name, PRESETS)}. Presets: {', '.join(PRESETS)}."
        )
    values = {}
    for parameter in task.parameters:
        if parameter.name in SCALED and parameter.default:
            value = int(parameter.default * SCALED[parameter.name].get(name, 1))
            values[parameter.name] = int(min(max(value, parameter.minimum or 0), parameter.maximum or value))
        elif parameter.name in REPLACED:
            values[parameter.name] = REPLACED[parameter.name].get(name, parameter.default)
    return values

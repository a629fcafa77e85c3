# SPDX-License-Identifier: GPL-3.0-or-later
"""Which engines can run here: whether their Python modules and weights are installed. Imports no torch."""

from __future__ import annotations

from typing import Any

from ..interface import catalog, tasks
from ..runtime.devices import missing_modules
from ..weights.store import store

SET_UP = "Set up the backend, in the preferences."
REINSTALL = "Install the extension again: its built-in weights are missing."


def engine_states() -> list[dict[str, Any]]:
    """For every engine whether it can run here: [{name, title, can_run, missing, remedy}]."""
    modules = missing_modules()
    states = []
    for engine in tasks.MESH_TASKS:
        weights = [w for w in map(catalog.weights, engine.weights) if not has_weights(w)]
        missing = [f"Python module {name}" for name in modules] + [w.title for w in weights]
        remedy = SET_UP if modules else REINSTALL if weights else ""
        states.append(
            {"name": engine.name, "title": engine.title, "can_run": not missing, "missing": missing, "remedy": remedy}
        )
    return states


def has_weights(weights: catalog.Weights) -> bool:
    """Whether a complete copy of a set of weights is on this machine."""
    return store.locate(weights.id) is not None

# SPDX-License-Identifier: GPL-3.0-or-later
"""The folders that the preferences name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy

from ...backend.interface.installer import environment
from ..base.preferences import preferences

EXTENSION = Path(__file__).resolve().parents[2]  # read, never written
OTHER_FOLDER = "Free some space, or choose another data folder in the preferences"


@dataclass(frozen=True)
class Chosen:
    """The preferences in a form that threads may read."""

    data_folder: Path
    python: Path | None  # an interpreter that the user named, instead of an environment of ours
    variant: str
    weights: Path  # where sets of weights are kept
    offline: bool  # whether Blender forbids downloads

    @property
    def jobs(self) -> Path:
        return self.data_folder / "jobs"

    @property
    def log(self) -> Path:
        return self.data_folder / "logs" / "backend.log"


def chosen() -> Chosen:
    """Read the preferences. Main thread."""
    prefs = preferences()
    folder = Path(bpy.path.abspath(prefs.data_folder)) if prefs.data_folder else environment.default_data_folder()
    python = Path(bpy.path.abspath(prefs.python)) if prefs.python else None
    weights = Path(bpy.path.abspath(prefs.weights_folder)) if prefs.weights_folder else folder / "weights"
    return Chosen(folder, python, prefs.variant.lower(), weights, not bpy.app.online_access)

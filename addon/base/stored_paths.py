# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths that a .blend names: they may be somebody else's, and opening one may ask another computer.

A path on another computer is opened only if the artist chose a file there since Blender started, if the .blend lies
there, or if the preferences name a folder there.
"""

from __future__ import annotations

from pathlib import Path

import bpy

from ...backend.interface.network_paths import other_computer
from .preferences import preferences
from .trouble import Trouble

_chosen: set[str] = set()  # computers


def trust(path: str) -> None:
    """Note that the artist chose this path."""
    _chosen.add(other_computer(bpy.path.abspath(path)))


def absolute(path: str, library: bpy.types.Library | None = None) -> Path:
    """The absolute path of one that a .blend names; // stands for its folder. Raises Trouble if it must not be
    opened."""
    full = bpy.path.abspath(path, library=library)
    if elsewhere := foreign(full):
        raise Trouble(f"The file lies on another computer: {elsewhere}", "Choose it again to use it", "input")
    return Path(full)


def foreign(path: str) -> str:
    """The computer that an absolute path names and that is not trusted, or an empty string."""
    computer, prefs = other_computer(path), preferences()
    if not computer or computer in _chosen:
        return ""
    known = (bpy.data.filepath, prefs.data_folder, prefs.weights_folder)
    return "" if computer in map(other_computer, known) else computer

# SPDX-License-Identifier: GPL-3.0-or-later
"""The weights that an engine can use, as a choice in Blender."""

from __future__ import annotations

import zlib

import bpy

from ...backend.interface import catalog, parameters
from ...backend.interface.task import Task
from ..base import stored_paths
from ..base.trouble import Trouble
from ..setup.disk_scan import DiskScan, Seen

Item = tuple[str, str, str, str, int]  # of an enum: identifier, name, description, icon, number
WEIGHTS = "weights"  # the parameter that names a set of weights
OWN, OWN_PATH = "OWN", "weights_path"  # the choice of a path, and the property that holds it

disk_scan: DiskScan | None = None  # the session's: Blender calls `weights_items` with nothing that could hold it
_items: dict[str, list[Item]] = {}  # by engine; Blender keeps no reference to these strings


def offered(task: Task) -> list[catalog.Weights]:
    """The sets of weights that do the first part of the engine's work, which the artist chooses by."""
    return [w for w in catalog.WEIGHTS if w.part in task.parts or w.id in task.weights]


def weights_property(task: Task, parameter: parameters.Parameter):
    """Blender's enum of an engine's weights."""

    def items(_group, _context) -> list[Item]:
        return weights_items(task)

    return bpy.props.EnumProperty(
        items=items, default=number_of(parameter.default), name=parameter.title, description=parameter.help.rstrip(".")
    )


def weights_items(task: Task) -> list[Item]:
    """Every set that the engine can use, with an arrow if it has to be downloaded first, and a path."""
    seen, items = disk_scan.seen() if disk_scan else None, []
    for weights in offered(task):
        is_lacking = seen and weights.repository and seen.lacks(weights.id)
        icon = "IMPORT" if is_lacking else "NONE"  # words would cut off the title
        items.append((weights.id.upper(), weights.title, weights.purpose, icon, number_of(weights.id)))
    items.append((OWN, "Folder or File...", "Your own weights", "NONE", number_of(OWN)))
    if items != _items.get(task.name):
        _items[task.name] = items
    return _items[task.name]


def number_of(identity: str) -> int:
    """The number that a .blend keeps for a choice: the same in every version, wherever it stands in the list."""
    return zlib.crc32(identity.encode()) >> 1


def lacking_weights(group: bpy.types.PropertyGroup, seen: Seen) -> list[catalog.Weights]:
    """The sets that the chosen weights need and that are not here, as far as that is known."""
    chosen = next((w for w in catalog.WEIGHTS if w.id.upper() == getattr(group, WEIGHTS)), None)
    needed = [chosen, *map(catalog.weights, chosen.requires)] if chosen else []
    return [weights for weights in needed if weights.repository and seen.lacks(weights.id)]


def chosen_weights(group: bpy.types.PropertyGroup, task: Task) -> str:
    """A set's id, or the artist's own path. Raises Trouble for a choice that only a newer version knows."""
    known = {weights.id.upper(): weights.id for weights in offered(task)}
    choice = getattr(group, WEIGHTS)
    if choice == OWN:
        path = getattr(group, OWN_PATH)
        return str(stored_paths.absolute(path)) if path else ""
    if choice not in known:
        raise Trouble("The chosen weights are unknown to this version", "Choose others under Settings", "weights")
    return known[choice]

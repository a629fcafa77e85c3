# SPDX-License-Identifier: GPL-3.0-or-later
"""The weights of a downloaded bundle as the choice of scenes.

Who downloads better weights wants them used, so they take the place of the built-in ones, in the scenes of this file
and of those opened later. Any other choice was made by hand and stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import bpy
from bpy.app.handlers import persistent

from ...backend.interface import bundles, catalog, tasks
from ...backend.interface.bundles import Bundle
from ..base.preferences import preferences
from ..settings import engines
from ..settings.choices import WEIGHTS
from .mesh_import import push_undo

Groups = Iterator[bpy.types.PropertyGroup]


def groups(scene: bpy.types.Scene, bundle: Bundle) -> Groups:
    """The settings of the tasks that a bundle is for."""
    return (engines.group_of(scene.image_to_mesh, tasks.task(name)) for name in bundle.tasks)


def is_built_in(group: bpy.types.PropertyGroup) -> bool:
    """Whether a task's weights are those that ship with the extension, for trying out."""
    choice = getattr(group, WEIGHTS, "")
    return any(weights.id.upper() == choice and not weights.repository for weights in catalog.WEIGHTS)


def is_chosen(scene: bpy.types.Scene, bundle: Bundle) -> bool:
    """Whether the scene uses the bundle; true of one that needs no choice."""
    return all(getattr(group, WEIGHTS) == bundle.chosen.upper() for group in groups(scene, bundle))


def choose(scene: bpy.types.Scene, bundle: Bundle) -> None:
    """Let the scene use the bundle."""
    for group in groups(scene, bundle):
        setattr(group, WEIGHTS, bundle.chosen.upper())


def replace(bundle: Bundle, where: Callable[[bpy.types.PropertyGroup], bool]) -> None:
    """Let the scenes of this file use the bundle in the settings where that is so."""
    for scene in (scene for scene in bpy.data.scenes if not scene.library):
        for group in filter(where, groups(scene, bundle)):
            setattr(group, WEIGHTS, bundle.chosen.upper())


def adopt(bundle: Bundle) -> None:
    """Use a bundle that was just downloaded wherever the built-in weights are chosen. Main thread."""
    if not bundle.tasks:
        return
    preferences().adopted |= {bundle.id.upper()}
    bpy.context.preferences.is_dirty = True  # so that Blender saves them
    replace(bundle, is_built_in)
    push_undo(bundle.title)


def forget(identity: str) -> None:
    """Let files opened later no longer use a set of weights that was removed."""
    gone = {bundle.id.upper() for bundle in bundles.BUNDLES if bundle.chosen == identity}
    preferences().adopted -= gone


@persistent
def use_in_new_file(*_) -> None:
    """Let scenes in which nobody has chosen weights yet use the adopted bundles."""
    for bundle in bundles.BUNDLES:
        if bundle.id.upper() in preferences().adopted:
            replace(bundle, lambda group: not group.is_property_set(WEIGHTS))


def register() -> None:
    bpy.app.handlers.load_post.append(use_in_new_file)


def unregister() -> None:
    bpy.app.handlers.load_post.remove(use_in_new_file)

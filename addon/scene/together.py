# SPDX-License-Identifier: GPL-3.0-or-later
"""Results that belong together: the variations of one click, and the meshes of several files."""

from __future__ import annotations

import secrets

import bpy

from ..jobs.job import inputs_of
from . import mesh_import

VARIATIONS, BATCH = "variations", "batch"  # among a request's inputs: a name that the results of one click share


def new_name() -> str:
    return secrets.token_hex(4)


def name_of(ob: bpy.types.Object, kind: str) -> str:
    """The name that an object shares with the others of its click; empty if it is alone."""
    return str(inputs_of(mesh_import.provenance_of(ob)).get(kind, ""))


def others(scene: bpy.types.Scene, ob: bpy.types.Object | None, *kinds: str) -> list[bpy.types.Object]:
    """The other objects of the scene that belong to an object."""
    if ob is None or ob.type != "MESH":
        return []
    names = [(kind, name) for kind in kinds if (name := name_of(ob, kind))]
    meshes = [other for other in scene.objects if other != ob and other.type == "MESH"] if names else []
    return [other for other in meshes if any(name_of(other, kind) == name for kind, name in names)]

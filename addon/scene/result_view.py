# SPDX-License-Identifier: GPL-3.0-or-later
"""The chosen version's mesh as the panel shows it: a small picture that can be turned."""

from __future__ import annotations

import bpy
import numpy as np

from ..base import icons, thumbnail
from ..settings.versions import Version
from . import mesh_export, mesh_import, versions

STEP_DEG = 45


class ResultView:
    """A turned version's picture. Versions that were not turned show the picture that they keep."""

    def __init__(self) -> None:
        self.picture: np.ndarray | None = None  # uint8 (SIDE, SIDE, 4), opaque
        self._mesh, self._turn = 0, 0  # session_uid of the mesh, and degrees

    def turn(self, version: Version, step: int) -> None:
        """Turn the version's mesh by a number of steps; 0 returns to the kept picture."""
        is_same = self._mesh == version.mesh.session_uid
        self._turn = (self._turn + step * STEP_DEG) % 360 if is_same and step else step * STEP_DEG % 360
        self._mesh, self.picture = version.mesh.session_uid, None
        if self._turn:
            arrays = mesh_export.read_arrays(version.mesh)
            self.picture = icons.opaque(thumbnail.paint(*arrays, np.radians(self._turn)))

    def is_turned(self, version: Version) -> bool:
        return bool(self.picture is not None and version.mesh and version.mesh.session_uid == self._mesh)


def shown(context) -> Version | None:
    """The version that the active object shows, else the one that is chosen in the list."""
    active = context.active_object
    listed = context.scene.image_to_mesh_versions if active and active.type == "MESH" else ()
    mine = next((version for version in listed if version.mesh == active.data), None)
    return mine or versions.chosen(context.scene)


def before(scene: bpy.types.Scene, ob: bpy.types.Object) -> Version | None:
    """The version to compare an object's mesh with: of its newest version, the one before it; of any other, the
    newest. None if there is no other version of the object."""
    mine = [version for version in scene.image_to_mesh_versions if version.mesh and is_of(version, ob)]
    if len(mine) < 2:
        return None
    return mine[-2] if mine[-1].mesh == ob.data else mine[-1]


def is_of(version: Version, ob: bpy.types.Object) -> bool:
    """Whether a version was made for this object. Files of before do not tell; there, its job does."""
    if version.object or version.mesh == ob.data:
        return version.object == ob or version.mesh == ob.data
    job = versions.provenance_of(version).get("job")
    return bool(job) and job == mesh_import.provenance_of(ob).get("job")

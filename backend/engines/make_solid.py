# SPDX-License-Identifier: GPL-3.0-or-later
"""Make Solid: a mesh of the scene becomes a closed surface that faces outwards, with nothing inside."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..interface.mesh_tasks import MakeSolidParameters
from ..meshing.solid.make_solid import make_solid
from ..runtime.progress import Progress
from . import MeshResult, Request

STAGES: dict[str, float] = {"Repairing": 1, "Skin": 4}
NO_VIEWS = np.zeros((1, 1, 1, 4), np.uint8)  # the mesh itself is in sight


def run(request: Request[MakeSolidParameters], progress: Progress) -> MeshResult:
    """The Mesh in inputs["mesh"] -> a new one where it was, with the origin of its faces."""
    parameters = request.parameters
    stages = list(STAGES)[: 1 + parameters.remesh]
    progress.plan({name: STAGES[name] for name in stages})
    cells = parameters.cells if parameters.remesh else 0
    solid = make_solid(
        request.inputs["mesh"], parameters.holes, cells, progress.check, partial(progress.update, step=0, total=1)
    )
    return MeshResult(solid.mesh, NO_VIEWS, solid.facts, solid.origin)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Print Check: whether a mesh of the scene can be printed."""

from __future__ import annotations

import numpy as np

from ..interface.mesh_tasks import PrintCheckParameters
from ..meshing.print_check import check_print
from ..runtime.progress import Progress
from . import ImageResult, Request

STAGES: dict[str, float] = {"Checking": 1}


def run(request: Request[PrintCheckParameters], progress: Progress) -> ImageResult:
    """The Mesh in inputs["mesh"] -> no image, and the facts of meshing.print_check."""
    progress.plan(STAGES)
    progress.update("Checking", 0, 1)
    parameters = request.parameters
    found = check_print(request.inputs["mesh"], parameters.unit, parameters.wall, progress.check)
    return ImageResult(np.zeros((0, 1, 1, 4), np.uint8), found)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Four views of a finished mesh."""

from __future__ import annotations

import numpy as np

from ..runtime.images import on_white, to_bytes
from .cameras import turntable
from .mesh import Mesh
from .rasteriser import render_mesh


def render_views(mesh: Mesh) -> np.ndarray:
    """Four views around the mesh, uint8 (4, 128, 128, 4) on white."""
    views = np.stack([render_mesh(mesh, camera).cpu().numpy() for camera in turntable(4, 20, 2.2, 35.0, 128)])
    rgb = to_bytes(on_white(views))
    return np.concatenate([rgb, np.full((*rgb.shape[:3], 1), 255, np.uint8)], -1)

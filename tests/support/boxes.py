# SPDX-License-Identifier: GPL-3.0-or-later
"""Boxes as meshes."""

import numpy as np

from backend.rendering.mesh import Mesh

CORNERS = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float32)
BOX = np.concatenate(  # counter-clockwise seen from outside
    [
        [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1]],
        [[2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]],
    ]
)


def box(size=1.0, at=(0, 0, 0), color=(255, 255, 255, 255), flip=False) -> Mesh:
    colors = np.tile(np.array(color, np.uint8), (8, 1))
    return Mesh(CORNERS * size + np.array(at, np.float32), BOX[:, ::-1] if flip else BOX, colors)


def join(*meshes: Mesh) -> Mesh:
    starts = np.cumsum([0] + [len(m.vertices) for m in meshes])
    return Mesh(
        np.concatenate([m.vertices for m in meshes]),
        np.concatenate([m.faces + s for m, s in zip(meshes, starts[:-1], strict=True)]),
        np.concatenate([m.vertex_colors for m in meshes]),
    )

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
GREEN, RED = np.array([30.0, 160.0, 60.0]), np.array([200.0, 40.0, 30.0])


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


def brick(parts: int = 1) -> Mesh:
    """0.7 x 0.3 x 0.4, green on the left and red on the right, and evenly between; each side of parts^2 squares."""
    share = np.linspace(-0.5, 0.5, parts + 1)
    u, v = (x.ravel() for x in np.meshgrid(share, share, indexing="ij"))
    i, j = (x.ravel() for x in np.meshgrid(np.arange(parts), np.arange(parts), indexing="ij"))
    a = i * (parts + 1) + j
    square = np.concatenate([np.stack([a, a + parts + 1, a + parts + 2], 1), np.stack([a, a + parts + 2, a + 1], 1)])
    vertices, faces = [], []
    for axis in range(3):
        for side in (-0.5, 0.5):
            point = np.full((len(u), 3), side)
            point[:, (axis + 1) % 3], point[:, (axis + 2) % 3] = u, v
            faces.append((square if side > 0 else square[:, ::-1]) + len(u) * len(vertices))
            vertices.append(point)
    places = np.concatenate(vertices) * [0.7, 0.3, 0.4]
    rgb = GREEN + (places[:, :1] + 0.35) / 0.7 * (RED - GREEN)
    return Mesh(places, np.concatenate(faces), np.pad(rgb, ((0, 0), (0, 1)), constant_values=255).astype(np.uint8))

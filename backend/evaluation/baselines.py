# SPDX-License-Identifier: GPL-3.0-or-later
"""Baselines: the extruded silhouette, and the true bounding box."""

from __future__ import annotations

import numpy as np

from ..meshing.clean import select_faces
from ..rendering.cameras import Camera
from ..rendering.mesh import Mesh

CORNERS = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)])
BOX_FACES = np.concatenate(
    [
        [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1]],
        [[2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]],
    ]
)


def box(truth: Mesh) -> Mesh:
    """Axis-aligned bounding box of the true mesh, in its mean colour."""
    used = np.unique(truth.faces)
    low, high = truth.vertices[used].min(0), truth.vertices[used].max(0)
    color = truth.vertex_colors[used].mean(0).round().astype(np.uint8)
    return Mesh(low + CORNERS * (high - low), BOX_FACES, np.tile(color, (8, 1)))


def silhouette_slab(image: np.ndarray, camera: Camera, thickness: float | None = None) -> Mesh:
    """Extrude an image's silhouette along the viewing direction, with the image's colours.

    The slab's middle plane contains the origin, the object's centre, where the silhouette has its true size.
    Raises ValueError for an empty silhouette.

    Args:
        image: RGBA (H, W, 4), straight alpha, 0..1; the silhouette is alpha >= 0.5.
        camera: of the image, H x W pixels.
        thickness: by default the mean of the silhouette's width and height.
    """
    mask = image[..., 3] >= 0.5
    if mask.shape != (camera.height, camera.width) or not mask.any():
        raise ValueError(f"A non-empty silhouette of {camera.width} x {camera.height} pixels is needed.")
    matrix = camera.cam_to_world.double().cpu().numpy()
    right, up, back = matrix[:3, :3].T
    distance = float(matrix[:3, 3] @ back)  # of the middle plane
    pixel = distance / camera.focal
    rows, columns = np.nonzero(mask)
    if thickness is None:
        thickness = pixel * (np.ptp(rows) + np.ptp(columns) + 2) / 2
    y, x = camera.height / 2 - np.arange(camera.height + 1), np.arange(camera.width + 1) - camera.width / 2
    middle = matrix[:3, 3] - distance * back + pixel * (x[:, None] * right + y[:, None, None] * up)
    vertices = np.stack([middle + thickness / 2 * back, middle - thickness / 2 * back])  # front, rear
    colors = _corner_colors(image, mask)
    mesh = Mesh(vertices.reshape(-1, 3), _slab_faces(mask), np.concatenate([colors, colors]))
    return select_faces(mesh, np.ones(len(mesh.faces), bool))


def _slab_faces(mask: np.ndarray) -> np.ndarray:
    """Faces of two squares per pixel of the mask and one per pixel side on its outline."""
    height, width = mask.shape
    index = np.arange(2 * (height + 1) * (width + 1)).reshape(2, height + 1, width + 1)
    front, rear = index
    pad = np.pad(mask, 1)
    squares = [
        (mask, front[1:, :-1], front[1:, 1:], front[:-1, 1:], front[:-1, :-1]),
        (mask, rear[:-1, :-1], rear[:-1, 1:], rear[1:, 1:], rear[1:, :-1]),
        (mask & ~pad[:-2, 1:-1], front[:-1, :-1], front[:-1, 1:], rear[:-1, 1:], rear[:-1, :-1]),  # top
        (mask & ~pad[2:, 1:-1], rear[1:, :-1], rear[1:, 1:], front[1:, 1:], front[1:, :-1]),  # bottom
        (mask & ~pad[1:-1, :-2], front[1:, :-1], front[:-1, :-1], rear[:-1, :-1], rear[1:, :-1]),  # left
        (mask & ~pad[1:-1, 2:], rear[1:, 1:], rear[:-1, 1:], front[:-1, 1:], front[1:, 1:]),  # right
    ]
    faces = [
        np.stack([corners[i][where] for i in triangle], 1)
        for where, *corners in squares
        for triangle in ((0, 1, 2), (0, 2, 3))
    ]
    return np.concatenate(faces)


def _corner_colors(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean colour uint8 ((H+1) * (W+1), 4) of the silhouette's pixels around every pixel corner."""
    weighted = np.pad(np.where(mask[..., None], np.dstack([image[..., :3], mask]), 0), ((1, 1), (1, 1), (0, 0)))
    total = weighted[1:, 1:] + weighted[1:, :-1] + weighted[:-1, 1:] + weighted[:-1, :-1]
    rgb = total[..., :3] / np.maximum(total[..., 3:], 1)
    return np.dstack([np.round(rgb * 255), np.full(rgb.shape[:2], 255)]).astype(np.uint8).reshape(-1, 4)

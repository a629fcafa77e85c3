# SPDX-License-Identifier: GPL-3.0-or-later
"""A place for a new object where it overlaps nothing."""

from __future__ import annotations

import bpy
import numpy as np

from . import fitting, frame, mesh_import

GAP = 0.2  # between neighbours, as a share of the new object's width
SURROUNDINGS = 8.0  # an object that is so many times as wide and deep as the new one surrounds it: a floor, a room


def shift_right(box: np.ndarray, scene: bpy.types.Scene) -> float:
    """The least distance along +X in metres after which a box (2, 3) in the world overlaps no visible object."""
    return free_shift(box, obstacles(box, scene))


def free_shift(box: np.ndarray, taken: np.ndarray) -> float:
    """The least distance along +X, with a gap, after which a box (2, 3) overlaps none of the boxes (N, 2, 3)."""
    gap, shift = GAP * (box[1, 0] - box[0, 0]), 0.0
    while len(hit := taken[overlapping(box + np.array([shift, 0, 0]), taken)]):
        shift = hit[:, 1, 0].max() + gap - box[0, 0]
    return shift


def overlapping(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Whether a box (2, 3) shares space with each of the boxes (N, 2, 3); those that only touch do not."""
    margin = 1e-4 * (box[1] - box[0]).max()
    return ((box[0] + margin < others[:, 1]) & (others[:, 0] + margin < box[1])).all(1)


def obstacles(box: np.ndarray, scene: bpy.types.Scene) -> np.ndarray:
    """World boxes (N, 2, 3) of the scene's visible objects, without those that surround the box."""
    layer = mesh_import.view_layer_of(scene)
    found = [box_of(ob) for ob in scene.objects if ob.type in frame.SHAPES and ob.visible_get(view_layer=layer)]
    boxes = np.array(found, np.float64).reshape(-1, 2, 3)
    wide = (boxes[:, 1] - boxes[:, 0])[:, :2] > SURROUNDINGS * (box[1] - box[0])[:2]
    return boxes[~wide.all(1)]


def box_of(ob: bpy.types.Object) -> np.ndarray:
    """Least and greatest world coordinates (2, 3) of an object."""
    matrix = np.array(fitting.world(ob))
    corners = np.array(ob.bound_box) @ matrix[:3, :3].T + matrix[:3, 3]
    return np.stack([corners.min(0), corners.max(0)])

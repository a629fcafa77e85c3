# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an engine's cube [-0.5, 0.5]^3 lies in the scene: a similarity 4 x 4, cube to world."""

from __future__ import annotations

import json

import bpy
import numpy as np

from . import mesh_import

SHAPES = {"MESH", "CURVE", "SURFACE", "META", "FONT"}  # what has a surface
OF_VIEWS = "views_to_mesh"  # its meshes lie where their cameras were, not in the cube


def of(context) -> np.ndarray:
    """Of the active object where it was made here, else around what is selected, else at the 3D cursor."""
    active = context.active_object
    if active and active.select_get() and is_in_cube(active):
        return similarity(np.array(active.matrix_world))
    if chosen := selected(context):
        return around(chosen, context.evaluated_depsgraph_get())
    frame = np.eye(4)
    frame[:3, 3] = context.scene.cursor.location
    return frame


def selected(context) -> list[bpy.types.Object]:
    return [ob for ob in context.selected_objects if ob.type in SHAPES]


def is_in_cube(ob: bpy.types.Object) -> bool:
    """Whether the object's own space is still an engine's."""
    try:
        return json.loads(ob[mesh_import.RECIPE])["engine"] != OF_VIEWS
    except (KeyError, TypeError, ValueError):
        return False


def similarity(matrix: np.ndarray) -> np.ndarray:
    """The nearest map that keeps shapes: rotation, mean scale, place."""
    u, _, v = np.linalg.svd(matrix[:3, :3])
    frame = matrix.copy()
    turn = u @ np.diag([1, 1, np.sign(np.linalg.det(u @ v))]) @ v
    frame[:3, :3] = turn * max(abs(np.linalg.det(matrix[:3, :3])) ** (1 / 3), 1e-9)
    return frame


def around(objects: list[bpy.types.Object], depsgraph: bpy.types.Depsgraph) -> np.ndarray:
    """The world's axes; the cube so large that the farthest point is half its side from its middle, as in the
    pictures that the engines learned from."""
    points = np.concatenate([corners(ob.evaluated_get(depsgraph)) for ob in objects])
    frame = np.eye(4)
    frame[:3, 3] = (points.min(0) + points.max(0)) / 2
    frame[:3, :3] *= max(2 * float(np.linalg.norm(points - frame[:3, 3], axis=1).max()), 1e-6)
    return frame


def corners(evaluated: bpy.types.Object) -> np.ndarray:
    """Points (N, 3) in the world that hold the object: a mesh's vertices, another object's box."""
    points = np.array(evaluated.bound_box, np.float64)
    if evaluated.type == "MESH" and len(evaluated.data.vertices):
        flat = np.empty(3 * len(evaluated.data.vertices), np.float32)
        evaluated.data.vertices.foreach_get("co", flat)
        points = flat.reshape(-1, 3).astype(np.float64)
    matrix = np.array(evaluated.matrix_world)
    return points @ matrix[:3, :3].T + matrix[:3, 3]

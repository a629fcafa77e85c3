# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an engine's cube [-0.5, 0.5]^3 lies in the scene: a similarity 4 x 4, cube to world."""

from __future__ import annotations

import json

import bpy
import numpy as np

from . import mesh_import

SHAPES = {"MESH", "CURVE", "SURFACE", "META", "FONT"}  # what has a surface
OF_VIEWS = "views_to_mesh"  # its meshes lie where their cameras were, not in the cube
FITTED = "frame"  # in a recipe: cube to the object's own space, 4 x 4, where that is not the cube itself


def of(context) -> np.ndarray:
    """Of the active object where it was made here, else around what is selected, else at the 3D cursor."""
    active = context.active_object
    if active and active.select_get() and (cube := cube_of(active)) is not None:
        return similarity(np.array(active.matrix_world) @ cube)
    if chosen := selected(context):
        return around(chosen, context.evaluated_depsgraph_get())
    frame = np.eye(4)
    frame[:3, 3] = context.scene.cursor.location
    return frame


def selected(context) -> list[bpy.types.Object]:
    return [ob for ob in context.selected_objects if ob.type in SHAPES]


def cube_of(ob: bpy.types.Object) -> np.ndarray | None:
    """Of what was made here, where the engine's cube lies in its own space, 4 x 4; None for anything else."""
    try:
        recipe = json.loads(ob[mesh_import.RECIPE])
        cube = np.array(recipe.get(FITTED, np.eye(4).tolist()), np.float64)
        whole = cube.shape == (4, 4) and abs(np.linalg.det(cube)) > 1e-12
        return cube if recipe["engine"] != OF_VIEWS and whole else None
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


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

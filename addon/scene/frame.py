# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of an engine's cube [-0.5, 0.5]^3 in the scene: a similarity 4 x 4, cube to world."""

from __future__ import annotations

import json

import bpy
import numpy as np
from mathutils import Matrix

from ...backend.interface import tasks
from . import mesh_export, mesh_import

SHAPES = {"MESH", "CURVE", "SURFACE", "META", "FONT"}  # objects that have a surface
FITTED = "frame"  # in the provenance: cube to the object's own space, 4 x 4, where that is not the cube itself


def of(context) -> np.ndarray:
    """The frame of the active object if it was made here, else one around the selection, else one at the 3D cursor."""
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
    """The engine's cube in the space of an object that was made here, 4 x 4; None for any other object."""
    made = mesh_import.provenance_of(ob)
    try:
        cube = np.array(made.get(FITTED, np.eye(4).tolist()), np.float64)
        whole = cube.shape == (4, 4) and abs(np.linalg.det(cube)) > 1e-12
        return cube if whole and lies_in_cube(made["engine"]) else None
    except (KeyError, TypeError, ValueError):
        return None


def change(ob: bpy.types.Object, matrix: np.ndarray) -> None:
    """Move the vertices by an affine map 4 x 4 in the object's own space, and the engine's cube with them. A mesh that
    others use, such as a version, stays as it is."""
    if ob.data.users > 1:
        ob.data = ob.data.copy()
    ob.data.transform(Matrix(matrix.tolist()), shape_keys=True)
    if np.linalg.det(matrix[:3, :3]) < 0:
        ob.data.flip_normals()
    ob.data.update()
    if (cube := cube_of(ob)) is not None:
        made = mesh_import.provenance_of(ob) | {FITTED: (matrix @ cube).tolist()}
        ob[mesh_import.PROVENANCE] = json.dumps(made)


def lies_in_cube(engine: str) -> bool:
    """Whether the engine's meshes lie in the cube; those of views with cameras lie where the cameras were."""
    try:
        return "views" not in tasks.task(engine).inputs
    except ValueError:  # an engine of another version
        return True


def similarity(matrix: np.ndarray) -> np.ndarray:
    """The nearest similarity: rotation, mean scale and translation."""
    u, _, v = np.linalg.svd(matrix[:3, :3])
    frame = matrix.copy()
    turn = u @ np.diag([1, 1, np.sign(np.linalg.det(u @ v))]) @ v
    frame[:3, :3] = turn * max(abs(np.linalg.det(matrix[:3, :3])) ** (1 / 3), 1e-9)
    return frame


def around(objects: list[bpy.types.Object], depsgraph: bpy.types.Depsgraph) -> np.ndarray:
    """A frame along the world's axes around objects. Half the cube's side is the distance from the middle to the
    farthest point, as in the images that the engines learned from."""
    points = np.concatenate([corners(ob.evaluated_get(depsgraph)) for ob in objects])
    frame = np.eye(4)
    frame[:3, 3] = (points.min(0) + points.max(0)) / 2
    frame[:3, :3] *= max(2 * float(np.linalg.norm(points - frame[:3, 3], axis=1).max()), 1e-6)
    return frame


def corners(evaluated: bpy.types.Object) -> np.ndarray:
    """World points (N, 3) whose hull holds the object: a mesh's vertices, or the corners of another object's box."""
    points = np.array(evaluated.bound_box, np.float64)
    if evaluated.type == "MESH" and len(evaluated.data.vertices):
        points = mesh_export.positions(evaluated.data).astype(np.float64)
    matrix = np.array(evaluated.matrix_world)
    return points @ matrix[:3, :3].T + matrix[:3, 3]

# SPDX-License-Identifier: GPL-3.0-or-later
"""The height of objects, the floor they stand on, and the way they face."""

import bpy
import numpy as np
from mathutils import Matrix

from . import frame, mesh_export

FOOTPRINT_POINTS = 8192  # vertices that estimate how an object stands


def floor_of(place: str, cursor_height: float) -> float | None:
    """Height of the floor in metres for a choice of `placement.place`; None if the mesh does not stand."""
    return {"STAND": cursor_height, "FLOOR": 0.0}.get(place)


def fit(ob: bpy.types.Object, height: float, floor: float | None) -> None:
    """Scale the mesh about the object's origin to a height in metres, 0 for none; move the object until its lowest
    point is on a floor. The object's own scale is applied, unless it has children, which would change."""
    factor = height / max(np.ptp(heights(ob)), 1e-9) if height else 1.0
    own = np.ones(3) if ob.children else np.array(ob.scale)
    if factor != 1 or (own != 1).any():
        frame.change(ob, np.diag([*(factor * own), 1.0]))
        ob.scale = np.array(ob.scale) / own
    if floor is not None:
        matrix = world(ob)
        matrix.translation.z += floor - float(heights(ob).min())
        ob.matrix_world = matrix


def turn(ob: bpy.types.Object, angle: float) -> None:
    """Turn the mesh about the vertical through the object's origin, counter-clockwise from above, in radians. The
    object's rotation stays."""
    matrix = world(ob)
    origin = Matrix.Translation(matrix.translation)
    around = origin @ Matrix.Rotation(angle, 4, "Z") @ origin.inverted()
    frame.change(ob, np.array(matrix.inverted() @ around @ matrix))


def askew(ob: bpy.types.Object) -> float:
    """The turn in radians, -pi/4 to pi/4, after which the object's footprint fills the smallest box along x and y."""
    points = mesh_export.positions(ob.data)[:: max(1, len(ob.data.vertices) // FOOTPRINT_POINTS)]
    matrix = np.array(world(ob))
    footprint = points @ matrix[:2, :3].T
    angles = np.radians(np.arange(-45, 45, 0.5))
    sides = [np.stack([np.cos(angles + right), np.sin(angles + right)]) for right in (0, np.pi / 2)]
    area = np.ptp(footprint @ sides[0], axis=0) * np.ptp(footprint @ sides[1], axis=0)
    return float(-angles[area.argmin()])


def world(ob: bpy.types.Object) -> Matrix:
    """The object's world matrix with changes that the dependency graph has not evaluated yet."""
    base = ob.parent.matrix_world @ ob.matrix_parent_inverse if ob.parent else Matrix()
    return base @ ob.matrix_basis


def heights(ob: bpy.types.Object) -> np.ndarray:
    """World z (N,) of the mesh's own vertices."""
    row = np.array(world(ob))[2]
    return mesh_export.positions(ob.data) @ row[:3] + row[3]


def extent(mesh: bpy.types.Mesh) -> np.ndarray:
    """Least and greatest coordinates of the mesh, float64 (2, 3); zeros without vertices."""
    points = mesh_export.positions(mesh) if len(mesh.vertices) else np.zeros((1, 3), np.float32)
    return np.stack([points.min(0), points.max(0)]).astype(np.float64)


def into_box(vertices: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The map 4 x 4 that makes vertices (N, 3) as high as a box (2, 3) and moves them to its middle."""
    low, high = vertices.min(0), vertices.max(0)
    scale = (box[1, 2] - box[0, 2]) / max(high[2] - low[2], 1e-9) or (box[1] - box[0]).max() / (high - low).max()
    matrix = np.eye(4)
    matrix[:3, :3] *= scale
    matrix[:3, 3] = (box[0] + box[1]) / 2 - scale * (low + high) / 2
    return matrix

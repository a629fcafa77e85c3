# SPDX-License-Identifier: GPL-3.0-or-later
"""Meshes of the scene as arrays: above all the active object, when an engine is to start from it."""

from __future__ import annotations

import bpy
import numpy as np

from ..base import arrays
from ..base.trouble import Trouble
from ..jobs.process import Attachments
from ..settings import engines
from . import mesh_import
from .surface.colors import GREY, corner_colors

START, MESH = "start", "mesh"  # the parameter that asks for a mesh, and its value that does


def is_wanted(settings) -> bool:
    """Whether the chosen engine is to start from the artist's mesh."""
    engine = engines.chosen_engine(settings)
    return "mesh" in engine.inputs and getattr(engines.group_of(settings, engine), START, "") == MESH.upper()


def missing(context) -> str:
    """The reason why there is no mesh to start from, or an empty string. Cheap: poll() asks on every redraw."""
    if not is_wanted(context.scene.image_to_mesh):
        return ""
    active = context.active_object
    if active is None or active.type != "MESH":
        return "Select the mesh to start from, or choose another Start under Settings"
    return ""


def read(context) -> Attachments:
    """The active mesh, as `read_object` gives it; no attachment if the engine wants no mesh. Raises Trouble."""
    if not is_wanted(context.scene.image_to_mesh):
        return dict
    if reason := missing(context):
        raise Trouble("There is no mesh to start from", reason, "input")
    return read_object(context, context.active_object)


def origin(context) -> dict:
    """Which object `read` takes, as a version keeps it."""
    return {"start": context.active_object.session_uid} if is_wanted(context.scene.image_to_mesh) else {}


def read_object(context, source: bpy.types.Object) -> Attachments:
    """An object's mesh with its modifiers, rotated and scaled as it stands in the scene. A mesh that this extension
    made is sent as it came, wherever it was moved since. Raises Trouble."""
    if source.mode == "EDIT":
        source.update_from_editmode()
    evaluated = source.evaluated_get(context.evaluated_depsgraph_get())
    mesh = evaluated.to_mesh()
    try:
        vertices, faces, colors = as_shown(mesh)
    finally:
        evaluated.to_mesh_clear()
    if not len(faces):
        raise Trouble(f"{source.name} has no faces", "Choose a mesh with faces to start from", "input")
    if mesh_import.PROVENANCE not in source:
        turn = np.array(source.matrix_world.to_3x3(), np.float32)
        vertices = vertices @ turn.T
        faces = faces if np.linalg.det(turn) > 0 else faces[:, ::-1]
    return lambda: {"mesh": arrays.encode_mesh(vertices, faces, colors)}


def as_shown(mesh: bpy.types.Mesh) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The arrays of `read_arrays` with the colours that the scene shows: a vertex between faces of several colours is
    there once for each."""
    vertices, faces, colors = read_arrays(mesh)
    corners = corner_colors(mesh)
    if corners is None or not len(faces):
        return vertices, faces, colors
    loops = np.empty(faces.size, np.int32)
    mesh.loop_triangles.foreach_get("loops", loops)
    packed = np.ascontiguousarray(corners[loops]).view(np.uint32).reshape(-1).astype(np.int64)
    key, corner = np.unique(faces.reshape(-1).astype(np.int64) << 32 | packed, return_inverse=True)
    vertex, found = key >> 32, (key & 0xFFFFFFFF).astype(np.uint32).view(np.uint8).reshape(-1, 4)
    again = np.r_[False, vertex[1:] == vertex[:-1]]
    place = np.where(again, len(vertices) + np.cumsum(again) - 1, vertex)
    colors = np.concatenate([colors, found[again]])
    colors[place] = found
    return np.concatenate([vertices, vertices[vertex[again]]]), place[corner].reshape(-1, 3).astype(np.int32), colors


def read_arrays(mesh: bpy.types.Mesh) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """vertices float32 (N, 3), triangles int32 (M, 3), colours uint8 (N, 4) sRGB, grey where there are none."""
    mesh.calc_loop_triangles()
    faces = np.empty(len(mesh.loop_triangles) * 3, np.int32)
    mesh.loop_triangles.foreach_get("vertices", faces)
    return positions(mesh), faces.reshape(-1, 3), read_colors(mesh)


def positions(mesh: bpy.types.Mesh) -> np.ndarray:
    """The vertices' own coordinates, float32 (N, 3)."""
    flat = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", flat)
    return flat.reshape(-1, 3)


def read_colors(mesh: bpy.types.Mesh) -> np.ndarray:
    """The active colour attribute, uint8 (N, 4) sRGB; colours of corners are averaged at their vertex."""
    attribute, count = mesh.color_attributes.active_color, len(mesh.vertices)
    if attribute is None:
        return np.full((count, 4), [GREY, GREY, GREY, 255], np.uint8)
    colors = np.empty(len(attribute.data) * 4, np.float32)
    attribute.data.foreach_get("color_srgb", colors)
    colors = colors.reshape(-1, 4)
    if attribute.domain == "CORNER":
        corner = np.empty(len(mesh.loops), np.int32)
        mesh.loops.foreach_get("vertex_index", corner)
        times = np.maximum(np.bincount(corner, minlength=count), 1)
        colors = np.stack([np.bincount(corner, part, count) / times for part in colors.T], 1)
    colors[:, 3] = 1
    return np.rint(np.clip(colors, 0, 1) * 255).astype(np.uint8)

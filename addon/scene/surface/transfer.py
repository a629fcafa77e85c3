# SPDX-License-Identifier: GPL-3.0-or-later
"""All that lies on a mesh's surface, carried to another mesh whose faces lie on the first one's."""

from __future__ import annotations

import bmesh
import bpy
import numpy as np

from ...base.arrays import MeshArrays
from .. import mesh_import

KINDS = {  # what Blender keeps for an element, by the type of an attribute: property, numbers, whether it can be mixed
    "FLOAT": ("value", 1, True),
    "FLOAT2": ("vector", 2, True),
    "FLOAT_VECTOR": ("vector", 3, True),
    "FLOAT_COLOR": ("color", 4, True),
    "BYTE_COLOR": ("color_srgb", 4, True),
    "INT": ("value", 1, False),
    "BOOLEAN": ("value", 1, False),
}


class Triangles:
    """The triangles of a mesh, as `mesh_export.read_arrays` sends them: their corners' loops and vertices int32 (T, 3),
    and their polygon (T,)."""

    def __init__(self, mesh: bpy.types.Mesh) -> None:
        mesh.calc_loop_triangles()
        count = len(mesh.loop_triangles)
        self.loops, self.vertices = np.empty(3 * count, np.int32), np.empty(3 * count, np.int32)
        self.polygon = np.empty(count, np.int32)
        mesh.loop_triangles.foreach_get("loops", self.loops)
        mesh.loop_triangles.foreach_get("vertices", self.vertices)
        mesh.loop_triangles.foreach_get("polygon_index", self.polygon)
        self.loops, self.vertices = self.loops.reshape(-1, 3), self.vertices.reshape(-1, 3)


def build_like(old: bpy.types.Mesh, found: MeshArrays) -> tuple[bpy.types.Mesh, np.ndarray]:
    """A mesh with the old one's materials, UV maps, colours and other attributes; and for each of its vertices the
    nearest old one in the face on which it lies, (N,). Triangles that were one polygon are one again.

    found: with an origin in the old mesh's triangles.
    """
    assert found.origin_face is not None and found.origin_weights is not None
    new, triangles = mesh_import.build_mesh(found, old.name), Triangles(old)
    new.color_attributes.remove(new.color_attributes[mesh_import.COLOR])
    corner_of = np.empty(len(found.vertices), np.int64)  # any corner of each vertex
    corner_of[found.faces.reshape(-1)] = np.arange(found.faces.size)
    likest = found.origin_weights.argmax(2)
    nearest = np.take_along_axis(triangles.vertices[found.origin_face], likest, 1).reshape(-1)[corner_of]
    names = [a.name for a in old.attributes if not a.name.startswith(".") and a.data_type in KINDS]
    for name in names:
        if name not in ("position", "normal", "custom_normal"):
            carry(old.attributes[name], new, found, triangles, likest, corner_of)
    if old.color_attributes.active_color:
        new.attributes.active_color_name = old.attributes.active_color_name
        new.attributes.default_color_name = old.attributes.default_color_name
    new.uv_layers.active_index = old.uv_layers.active_index
    for layer in old.uv_layers:
        new.uv_layers[layer.name].active_render = layer.active_render
    for material in old.materials:
        new.materials.append(material)
    join_polygons(new, found, triangles)
    return new, nearest


def carry(old, new: bpy.types.Mesh, found: MeshArrays, triangles: Triangles, likest, corner_of) -> None:
    """One attribute of corners, vertices or faces. Colours of vertices go to corners, if those of one vertex differ."""
    assert found.origin_face is not None and found.origin_weights is not None
    name, kind, domain = old.name, old.data_type, old.domain
    if domain == "EDGE" or not len(old.data):
        return
    key, numbers, is_mixed = KINDS[kind]
    values = np.empty(len(old.data) * numbers, np.float32 if is_mixed else np.int32 if kind == "INT" else bool)
    old.data.foreach_get(key, values)
    values = values.reshape(-1, numbers)
    if domain == "FACE":
        made = values[triangles.polygon[found.origin_face]]
    else:
        corners = values[(triangles.loops if domain == "CORNER" else triangles.vertices)[found.origin_face]]
        if is_mixed:
            assert found.origin_weights is not None
            made = np.einsum("mki,mic->mkc", found.origin_weights, corners)
        else:
            made = np.take_along_axis(corners, likest[..., None], 1)
        made = made.reshape(-1, numbers)
        if domain == "POINT":
            of_vertex = made[corner_of]
            is_split = "COLOR" in kind and np.abs(of_vertex[found.faces.reshape(-1)] - made).max() > 0.02
            made, domain = (made, "CORNER") if is_split else (of_vertex, domain)
    attribute = new.attributes.get(name) or new.attributes.new(name, kind, domain)
    if attribute.domain == domain and attribute.data_type == kind:
        attribute.data.foreach_set(key, np.ascontiguousarray(made).reshape(-1))


def join_polygons(new: bpy.types.Mesh, found: MeshArrays, triangles: Triangles) -> None:
    """Remove the edges within what was one polygon of the old mesh."""
    assert found.origin_face is not None and found.origin_weights is not None
    edges, corner_edges = found.topology
    is_kept = ((found.origin_weights.max(1) == 1) & (found.origin_weights.max(2) == 1)).all(
        1
    )  # in any order of corners
    polygon = np.where(is_kept, triangles.polygon[found.origin_face], -1 - np.arange(len(found.faces)))
    of_corner = np.repeat(polygon, 3)
    low, high = np.full(len(edges), np.iinfo(np.int64).max), np.full(len(edges), np.iinfo(np.int64).min)
    np.minimum.at(low, corner_edges, of_corner)
    np.maximum.at(high, corner_edges, of_corner)
    inner = np.flatnonzero((low == high) & (np.bincount(corner_edges, minlength=len(edges)) == 2))
    if not len(inner):
        return
    made = bmesh.new()
    made.from_mesh(new)
    made.edges.ensure_lookup_table()
    bmesh.ops.dissolve_edges(made, edges=[made.edges[i] for i in inner.tolist()], use_verts=False)
    made.to_mesh(new)
    made.free()
    new.update()

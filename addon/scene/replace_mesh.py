# SPDX-License-Identifier: GPL-3.0-or-later
"""Another mesh for an object that keeps its place, parent, collections, modifiers, materials and vertex groups."""

from __future__ import annotations

from dataclasses import replace

import bpy
import numpy as np
from mathutils.bvhtree import BVHTree
from mathutils.kdtree import KDTree

from ..base.arrays import MeshArrays
from . import mesh_export, mesh_import


def moved(mesh: MeshArrays, matrix: np.ndarray) -> MeshArrays:
    """A copy of the mesh under an affine map 4 x 4. Its faces are flipped if the map mirrors."""
    placed = np.ascontiguousarray(mesh.vertices @ matrix[:3, :3].T + matrix[:3, 3], np.float32)
    if np.linalg.det(matrix[:3, :3]) > 0:
        return mesh.moved(placed)
    uv = None if mesh.uv is None else np.ascontiguousarray(mesh.uv[:, ::-1])
    return replace(mesh, vertices=placed, faces=np.ascontiguousarray(mesh.faces[:, ::-1]), uv=uv)


def replaced(target: bpy.types.Object, found: MeshArrays, material: bpy.types.Material | None = None) -> bpy.types.Mesh:
    """Give the object this mesh and return it. Vertex groups keep the weights of the nearest old vertices. Materials
    stay unless one is given or the mesh has a texture."""
    old = target.data
    new = mesh_import.build_mesh(found, old.name)
    nearest = nearest_of(old, found.vertices) if target.vertex_groups else None
    groups = groups_of(target)
    if found.texture and material is None:
        image = mesh_import.load_texture(found.texture, target.name)
        material = mesh_import.build_material(target.name, found.colors, image)
    kept = [] if material else list(old.materials)
    materials = kept or [material or mesh_import.build_material(target.name, found.colors)]
    target.data = new
    for material in materials:
        new.materials.append(material)
    carry_groups(target, groups, nearest)
    return new


def groups_of(target: bpy.types.Object) -> dict[str, np.ndarray]:
    """Vertex groups by name, float32 (N,)."""
    return {group.name: weights_of(target, group.name) for group in target.vertex_groups}


def carry_groups(target: bpy.types.Object, groups: dict[str, np.ndarray], nearest: np.ndarray | None) -> None:
    """Give the object vertex groups of another mesh. nearest (N,): for each vertex, the index of the other mesh's."""
    target.vertex_groups.clear()
    for name, weights in groups.items():
        fill(target.vertex_groups.new(name=name), weights[nearest])


def pulled(target: bpy.types.Object, found: MeshArrays, group: str) -> bpy.types.Mesh:
    """Give the object a copy of its mesh whose vertices move to the found surface by their weights in the group.

    Vertices without weight keep their exact coordinates. Faces, UVs and groups stay.
    """
    weights, new = weights_of(target, group), target.data.copy()
    places = mesh_export.positions(new)
    tree = BVHTree.FromPolygons(found.vertices.tolist(), found.faces.tolist())
    chosen = np.nonzero(weights > 0)[0]
    hits = [tree.find_nearest(places[i]) for i in chosen]
    share = weights[chosen, None]
    places[chosen] += share * (np.array([hit[0] for hit in hits], np.float32).reshape(-1, 3) - places[chosen])
    new.vertices.foreach_set("co", places.reshape(-1))
    paint(new, chosen, share, found.colors[found.faces[[hit[2] for hit in hits], 0]])
    new.update()
    target.data = new
    return new


def paint(mesh: bpy.types.Mesh, chosen: np.ndarray, share: np.ndarray, colors: np.ndarray) -> None:
    """Blend colours uint8 (K, 4) into the chosen vertices (K,) of a mesh that has a colour for each vertex."""
    attribute = mesh.color_attributes.active_color
    if attribute is None or attribute.domain != "POINT":
        return
    all_colors = np.empty(4 * len(mesh.vertices), np.float32)
    attribute.data.foreach_get("color_srgb", all_colors)
    all_colors = all_colors.reshape(-1, 4)
    all_colors[chosen] += share * (colors / np.float32(255) - all_colors[chosen])
    attribute.data.foreach_set("color_srgb", all_colors.reshape(-1))


def weights_of(target: bpy.types.Object, group: str) -> np.ndarray:
    """float32 (N,) of a vertex group, 0 where a vertex is not in it."""
    number = target.vertex_groups[group].index
    weights = np.zeros(len(target.data.vertices), np.float32)
    for vertex in target.data.vertices:
        for element in vertex.groups:
            if element.group == number:
                weights[vertex.index] = element.weight
    return weights


def fill(group: bpy.types.VertexGroup, weights: np.ndarray) -> None:
    for weight in np.unique(weights[weights > 0]):
        group.add(np.nonzero(weights == weight)[0].tolist(), float(weight), "REPLACE")


def nearest_of(mesh: bpy.types.Mesh, points: np.ndarray) -> np.ndarray:
    """For each of points (N, 3), the index int64 of the nearest vertex of the mesh."""
    tree = KDTree(len(mesh.vertices))
    for vertex in mesh.vertices:
        tree.insert(vertex.co, vertex.index)
    tree.balance()
    return np.array([tree.find(point)[1] for point in points], np.int64)

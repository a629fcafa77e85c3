# SPDX-License-Identifier: GPL-3.0-or-later
"""Building meshes, materials and objects from arrays, and recording undo steps. Main thread only."""

from __future__ import annotations

import bpy
import numpy as np

from ..base import compat, provenance
from ..base.arrays import MeshArrays
from .images import image_import

COLOR, UV = "Color", "UVMap"
PROVENANCE = "image_to_mesh_recipe"  # custom property of an object: how it was made, as JSON


def why_not_now() -> str:
    """The reason why nothing can be added to a scene at this moment, or an empty string. The caller tries again later.

    Blender has one list of undo steps for all windows, so the modes of all of them count.
    """
    if bpy.app.is_job_running("RENDER"):
        return "Waiting for the render to finish"
    windows = bpy.context.window_manager.windows
    actives = [window.view_layer.objects.active for window in windows]
    for mode in [bpy.context.mode, *(active.mode for active in actives if active)]:
        if mode != "OBJECT":
            return "Waiting until you leave " + mode.replace("_", " ").title() + " mode"
    for window in windows:
        if any(name.startswith("TRANSFORM_OT") for name in compat.modal_operators(window)):
            return "Waiting until you finish the transform"
    return ""


def add_object(
    arrays: MeshArrays, name: str, provenance: str, location: tuple[float, float, float], scene: bpy.types.Scene
) -> bpy.types.Object:
    """Add the mesh as a new object at `location` (world, in metres) and select it. provenance: as JSON."""
    mesh = build_mesh(arrays, name)
    mesh.materials.append(build_material(name, arrays.colors, load_texture(arrays.texture, name)))
    new = bpy.data.objects.new(name, mesh)
    new.location = location
    new[PROVENANCE] = provenance
    view_layer = view_layer_of(scene)
    collection_for_new(scene, view_layer).objects.link(new)
    select_only(new, view_layer)
    return new


def provenance_of(ob: bpy.types.Object) -> dict:
    """The record of how an object was made; empty if it was not made here, or the record cannot be read."""
    return provenance.read(str(ob.get(PROVENANCE, "")))


def window_of(scene: bpy.types.Scene) -> bpy.types.Window | None:
    """A window that shows the scene."""
    return next((window for window in bpy.context.window_manager.windows if window.scene == scene), None)


def view_layer_of(scene: bpy.types.Scene) -> bpy.types.ViewLayer:
    """The view layer that a window shows, else the scene's first."""
    window = window_of(scene)
    return window.view_layer if window else scene.view_layers[0]


def build_mesh(arrays: MeshArrays, name: str) -> bpy.types.Mesh:
    """A Blender mesh, filled through its raw attributes: a million triangles take 0.15 s.

    `loops.foreach_set("vertex_index")` takes thirty times as long as the attribute behind it, and finding the edges
    here would take five times as long as all the rest.
    """
    vertices, faces, colors = arrays.vertices, arrays.faces, arrays.colors
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(len(vertices))
    edges, corner_edges = arrays.topology
    mesh.edges.add(len(edges))
    mesh.loops.add(faces.size)
    mesh.polygons.add(len(faces))
    mesh.attributes["position"].data.foreach_set("vector", vertices.reshape(-1))
    mesh.attributes[".edge_verts"].data.foreach_set("value", edges.reshape(-1))
    mesh.attributes[".corner_edge"].data.foreach_set("value", corner_edges)
    mesh.attributes[".corner_vert"].data.foreach_set("value", faces.reshape(-1))
    mesh.polygons.foreach_set("loop_start", np.arange(0, faces.size, 3, dtype=np.int32))
    add_colors(mesh, colors)
    if arrays.uv is not None:
        mesh.attributes.new(UV, "FLOAT2", "CORNER").data.foreach_set("vector", arrays.uv.reshape(-1))
    mesh.update()
    mesh.shade_smooth()
    return mesh


def add_colors(mesh: bpy.types.Mesh, colors: np.ndarray) -> None:
    """Colours uint8 (N, 4) sRGB for the vertices, as the mesh's active attribute."""
    attribute = mesh.color_attributes.new(COLOR, "BYTE_COLOR", "POINT")
    attribute.data.foreach_set("color_srgb", colors.reshape(-1).astype(np.float32) / 255)
    mesh.attributes.active_color_name = COLOR
    mesh.attributes.default_color_name = COLOR


def load_texture(data: bytes, name: str) -> bpy.types.Image | None:
    """A PNG's bytes as an image that is saved with the scene; None without bytes."""
    return image_import.load(data, f"{name} Texture") if data else None


def build_material(name: str, colors: np.ndarray, texture: bpy.types.Image | None = None) -> bpy.types.Material:
    """A material that shows the texture, or else the colour attribute. In Solid mode it has the mean colour."""
    material = bpy.data.materials.new(name)
    compat.enable_nodes(material)
    nodes, links = material.node_tree.nodes, material.node_tree.links
    surface = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    surface.inputs["Roughness"].default_value = 0.8
    color = nodes.new("ShaderNodeTexImage" if texture else "ShaderNodeVertexColor")
    if texture:
        color.image, nodes.active = texture, color  # Solid views show the active one
    else:
        color.layer_name = COLOR
    color.location = (surface.location.x - (300 if texture else 220), surface.location.y)
    links.new(color.outputs["Color"], surface.inputs["Base Color"])
    mean = colors[:: max(1, len(colors) // 4096), :3].mean(axis=0) / 255
    material.diffuse_color = (*(mean**2.2), 1.0)
    return material


def texture_of(material: bpy.types.Material | None) -> bpy.types.Image | None:
    """The image that is a material's base colour, None if there is none."""
    nodes = material.node_tree.nodes if material and material.node_tree else ()
    surface = next((node for node in nodes if node.type == "BSDF_PRINCIPLED"), None)
    sources = [link.from_node for link in surface.inputs["Base Color"].links] if surface else []
    return next((node.image for node in sources if node.type == "TEX_IMAGE"), None)


def collection_for_new(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer) -> bpy.types.Collection:
    """The active collection if its objects are visible and it is not linked from a library, else the scene's own."""
    active = view_layer.active_layer_collection
    usable = active and not active.exclude and active.is_visible and active.collection.library is None
    return active.collection if usable else scene.collection


def select_only(chosen: bpy.types.Object, view_layer: bpy.types.ViewLayer) -> None:
    """Select the object alone and make it active, unless it is not in the view layer."""
    try:  # asking `view_layer.objects` instead would not do: in a window it knows new objects only after a redraw
        chosen.select_set(True, view_layer=view_layer)
    except RuntimeError:
        return
    for other in view_layer.objects.selected:
        other.select_set(other == chosen, view_layer=view_layer)
    view_layer.objects.active = chosen


def push_undo(message: str) -> None:
    """Add an undo step. Without it, Ctrl+Z would undo the artist's last action together with the new mesh.

    Without temp_override: under one, Blender (4.2 to 5.0) looks its context up in a Python dictionary, without holding
    Python's lock, and crashes when another thread runs Python at that moment.
    """
    bpy.ops.ed.undo_push(message=message)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Baking colours and normals of one mesh into an image on another. Blender unwraps (Smart UV Project), and Cycles bakes
from selected to active, with the tangents (MikkTSpace, green up) that Blender's Normal Map node reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy
import numpy as np
from mathutils import Matrix
from mathutils.bvhtree import BVHTree

from ..base import compat
from ..base.trouble import Trouble
from . import mesh_export, mesh_import, render_view

NAME = "Image to Mesh Baking"
MARGIN = 256  # an image of this side has one texel between two charts, larger ones proportionally more
CHART_DEG = 66.0  # faces at a larger angle to each other lie in different charts
PROBES = 20_000  # vertices whose distance from the coarse mesh is measured


def bake(
    coarse: bpy.types.Mesh, detail: bpy.types.Mesh, matrix: Matrix, side: int, is_normal: bool, name: str
) -> bpy.types.Image:
    """A packed image of side x side texels on the coarse mesh: the base colour of the detailed mesh's materials, or its
    normals in the coarse mesh's tangent space. A coarse mesh without UV map gets one.

    matrix: the detailed mesh's space to the coarse one's. Blender is blocked meanwhile. Raises RuntimeError, Trouble.
    """
    image = bpy.data.images.new(name, side, side)
    image.colorspace_settings.name = "Non-Color" if is_normal else "sRGB"
    bake_target = target_material(image)
    below, above = coarse.copy(), detail.copy()
    emission = []
    try:
        for material in [] if is_normal else materials_of(above):
            emission.append(emission_material(material, above))
        with bake_scene() as scene:
            high = add_object(scene, above, emission)
            low = add_object(scene, below, [bake_target] * len(materials_of(below)))
            if not coarse.uv_layers:
                unwrap(low, side)
                copy_uv(below, coarse)
            below.uv_layers.active = next(layer for layer in below.uv_layers if layer.active_render)
            high.matrix_world = matrix
            high.select_set(True)
            bpy.ops.object.bake(
                type="NORMAL" if is_normal else "EMIT",
                normal_space="TANGENT",
                use_selected_to_active=True,
                cage_extrusion=ray_distance(below, above, matrix),
                margin=max(2, side // 64),
                margin_type="EXTEND",
            )
        image.pack()
    except BaseException:
        bpy.data.images.remove(image)
        raise
    finally:
        bpy.data.batch_remove([below, above, bake_target, *emission])
    return image


@contextmanager
def bake_scene() -> Iterator[bpy.types.Scene]:
    """A temporary scene, shown by the window meanwhile: Blender bakes and unwraps only what a window shows."""
    window, scene = bpy.context.window, bpy.data.scenes.new(NAME)
    spaces = [area.spaces.active for area in window.screen.areas if area.type == "VIEW_3D"]
    shown, seen_from = (window.scene, window.view_layer), [(s.camera, s.region_3d.view_perspective) for s in spaces]
    try:
        render_view.check_cycles(scene)
        scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 1, False
        window.scene = scene
        window.cursor_modal_set("WAIT")
        yield scene
    finally:
        window.cursor_modal_restore()
        window.scene, window.view_layer = shown
        for space, (camera, perspective) in zip(spaces, seen_from, strict=True):  # Blender leaves a camera's view
            space.camera, space.region_3d.view_perspective = camera, perspective
        bpy.data.batch_remove([*scene.objects, scene])


def add_object(scene: bpy.types.Scene, mesh: bpy.types.Mesh, materials: list[bpy.types.Material]) -> bpy.types.Object:
    """Add the mesh as the scene's active object, with these materials if there are any."""
    ob = bpy.data.objects.new(NAME, mesh)
    ob.show_only_shape_key = True  # the first one: the mesh as it is without them
    scene.collection.objects.link(ob)
    set_materials(mesh, materials)
    bpy.context.view_layer.objects.active = ob
    return ob


def set_materials(mesh: bpy.types.Mesh, materials: list[bpy.types.Material]) -> None:
    """Replace the mesh's materials one by one: clearing the list would reset the faces' material indices."""
    for i, material in enumerate(materials):
        if i < len(mesh.materials):
            mesh.materials[i] = material
        else:
            mesh.materials.append(material)


def materials_of(mesh: bpy.types.Mesh) -> list[bpy.types.Material | None]:
    return list(mesh.materials) or [None]


def target_material(image: bpy.types.Image) -> bpy.types.Material:
    """A material whose active node holds the image: Blender bakes into that."""
    material = bpy.data.materials.new(NAME)
    compat.enable_nodes(material)
    nodes = material.node_tree.nodes
    nodes.active = nodes.new("ShaderNodeTexImage")
    nodes.active.image = image
    return material


def emission_material(material: bpy.types.Material | None, mesh: bpy.types.Mesh) -> bpy.types.Material:
    """An emission copy of the material, so that baking records its base colour; of the mesh's colours if it has none.
    Raises Trouble."""
    surface = surface_of(material)
    if surface is None and mesh.color_attributes.active_color is None:
        raise Trouble(f"{mesh.name} has neither colours nor a Principled BSDF", "Give it a material with one", "input")
    copy = material.copy() if material and surface else mesh_import.build_material(NAME, mesh_export.read_colors(mesh))
    surface = surface_of(copy)
    assert surface
    base = surface.inputs["Base Color"]
    nodes, links = copy.node_tree.nodes, copy.node_tree.links
    emission = nodes.new("ShaderNodeEmission")
    emission.inputs["Color"].default_value = base.default_value
    if base.links:
        links.new(base.links[0].from_socket, emission.inputs["Color"])
    output = copy.node_tree.get_output_node("CYCLES") or nodes.new("ShaderNodeOutputMaterial")
    links.new(emission.outputs["Emission"], output.inputs["Surface"])
    return copy


def surface_of(material: bpy.types.Material | None) -> bpy.types.Node | None:
    """The Principled BSDF of a material, if it has one."""
    nodes = material.node_tree.nodes if material and material.node_tree else ()
    return next((node for node in nodes if node.type == "BSDF_PRINCIPLED"), None)


def unwrap(ob: bpy.types.Object, side: int) -> None:
    """Give the active object a UV map whose charts lie far enough apart for an image of side x side texels."""
    space = bpy.context.space_data
    if space and space.type == "VIEW_3D" and space.local_view:
        ob.local_view_set(space, True)  # only objects in the local view can be edited
    ob.select_set(True)
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.reveal()
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.uv.smart_project(
        angle_limit=np.radians(CHART_DEG), island_margin=2 * max(2, side // MARGIN) / side, margin_method="FRACTION"
    )
    bpy.ops.object.mode_set(mode="OBJECT")


def copy_uv(source: bpy.types.Mesh, mesh: bpy.types.Mesh) -> None:
    """Copy the active UV map to another mesh with the same faces."""
    uv = np.empty(2 * len(source.loops), np.float32)
    source.uv_layers.active.uv.foreach_get("vector", uv)
    mesh.uv_layers.new(name=mesh_import.UV, do_init=False).uv.foreach_set("vector", uv)


def ray_distance(coarse: bpy.types.Mesh, detail: bpy.types.Mesh, matrix: Matrix) -> float:
    """How far out baking rays must start to find all of the detailed mesh, and nothing behind it."""
    vertices, faces, _ = mesh_export.read_arrays(coarse)
    points = mesh_export.positions(detail)
    points = points[:: max(1, len(points) // PROBES)] @ np.array(matrix)[:3, :3].T + np.array(matrix)[:3, 3]
    tree = BVHTree.FromPolygons(vertices.tolist(), faces.tolist())
    farthest = max(tree.find_nearest(point)[3] for point in points)
    return 1.1 * farthest + 1e-4 * float(np.ptp(vertices, axis=0).max())

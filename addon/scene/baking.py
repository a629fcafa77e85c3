# SPDX-License-Identifier: GPL-3.0-or-later
"""Baking colors and normals of one mesh into an image on another. Blender unwraps, and Cycles bakes
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
from . import islands, mesh_export, mesh_import, render_view

NAME = "Image to Mesh Baking"
SIDE_PER_PART = 256  # of the image, for each of the parts in which it is baked
MARGIN = 256  # an image of this side has one texel between two islands, larger ones proportionally more
CHART_DEG = 66.0  # of Smart UV Project: faces at a larger angle to each other lie in different islands
MOST_FOLDED = 0.01  # share of the surface
PROBES = 20_000  # vertices whose distance from the coarse mesh is measured


class Baking:
    """One image of side x side texels on a coarse mesh: the base color of a detailed mesh's materials, or its normals
    in the coarse mesh's tangent space. A coarse mesh without UV map gets one.

    It has a scene of its own until `take` or `drop`. matrix: the detailed mesh's space to the coarse one's.
    """

    def __init__(
        self, coarse: bpy.types.Mesh, detail: bpy.types.Mesh, matrix: Matrix, side: int, is_normal: bool, name: str
    ):
        """Raises RuntimeError, Trouble."""
        self.kind, self.side = "NORMAL" if is_normal else "EMIT", side
        self.image = bpy.data.images.new(name, side, side, alpha=True)
        self.image.colorspace_settings.name = "Non-Color" if is_normal else "sRGB"
        self.image.generated_color = (0, 0, 0, 0)
        self.nowhere = bpy.data.images.new(NAME, 1, 1)
        self.scene, target, idle = bpy.data.scenes.new(NAME), target_material(self.image), target_material(self.nowhere)
        below, above = coarse.copy(), detail.copy()
        self.blocks = [below, above, target, idle]
        try:
            render_view.check_cycles(self.scene)
            self.scene.render.engine, self.scene.cycles.samples = "CYCLES", 1
            self.scene.cycles.use_denoising = False
            for material in [] if is_normal else materials_of(above):
                self.blocks.append(emission_material(material, above))
            with shown(self.scene):
                high = add_object(self.scene, above, self.blocks[4:])
                below.materials.clear()
                low = add_object(self.scene, below, [target, idle])
                if not coarse.uv_layers:
                    unwrap(low, side)
                    copy_uv(below, coarse)
            below.uv_layers.active = next(layer for layer in below.uv_layers if layer.active_render)
            high.matrix_world = matrix
            self.below, self.distance = below, ray_distance(below, above, matrix)
        except BaseException:
            self.drop()
            raise

    def run(self) -> Iterator[tuple[int, int]]:
        """Bake a part of the faces with each step; yields (parts done, all parts). Raises RuntimeError."""
        parts = max(1, self.side // SIDE_PER_PART)
        for part in range(parts):
            elsewhere = np.arange(len(self.below.polygons)) * parts // len(self.below.polygons) != part
            self.below.polygons.foreach_set("material_index", elsewhere.astype(np.int32))
            with shown(self.scene):
                for ob in self.scene.objects:
                    ob.select_set(True)
                bpy.ops.object.bake(
                    type=self.kind,
                    normal_space="TANGENT",
                    use_selected_to_active=True,
                    cage_extrusion=self.distance,
                    use_clear=False,
                    margin=0,
                )
            yield part + 1, parts

    def take(self) -> bpy.types.Image:
        """The packed image, when all parts are baked."""
        pixels = np.empty(4 * self.side * self.side, np.float32)
        self.image.pixels.foreach_get(pixels)
        self.image.pixels.foreach_set(filled(pixels.reshape(self.side, self.side, 4)).reshape(-1))
        self.image.update()
        self.image.pack()
        self.clean()
        return self.image

    def drop(self) -> None:
        """Leave nothing behind."""
        self.clean()
        bpy.data.images.remove(self.image)

    def clean(self) -> None:
        """Remove all but the image."""
        bpy.data.batch_remove([*self.scene.objects, self.scene, *self.blocks, self.nowhere])


def filled(pixels: np.ndarray) -> np.ndarray:
    """Pixels float32 (S, S, 4) whose empty ones, those of alpha 0, have the mean color of what is near; all opaque."""
    known = (pixels[..., 3:] > 0.5).astype(np.float32)
    color = pixels[..., :3] * known
    if len(pixels) % 2 == 0 and not known.all():
        halves = [part.reshape(len(part) // 2, 2, len(part) // 2, 2, -1).sum((1, 3)) for part in (color, known)]
        mean = halves[0] / np.maximum(halves[1], 1)
        coarse = filled(np.concatenate([mean, halves[1] > 0], -1).astype(np.float32))[..., :3]
        color += (1 - known) * coarse.repeat(2, 0).repeat(2, 1)
    return np.concatenate([color, np.ones_like(known)], -1)


@contextmanager
def shown(scene: bpy.types.Scene) -> Iterator[None]:
    """Let the window show a scene: Blender bakes and unwraps only what a window shows."""
    window = bpy.context.window
    spaces = [area.spaces.active for area in window.screen.areas if area.type == "VIEW_3D"]
    before, seen_from = (window.scene, window.view_layer), [(s.camera, s.region_3d.view_perspective) for s in spaces]
    try:
        window.scene = scene
        yield
    finally:
        window.scene, window.view_layer = before
        for space, (camera, perspective) in zip(spaces, seen_from, strict=True):  # Blender leaves a camera's view
            space.camera, space.region_3d.view_perspective = camera, perspective


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
    """An emission copy of the material, so that baking records its base color; of the mesh's colors if it has none.
    Raises Trouble."""
    surface = surface_of(material)
    if surface is None and mesh.color_attributes.active_color is None:
        raise Trouble(f"{mesh.name} has neither colors nor a Principled BSDF", "Give it a material with one", "input")
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
    """Give the active object a UV map of a few large islands, apart enough for an image of side x side texels; where
    they would lie on themselves, Smart UV Project cuts them."""
    space = bpy.context.space_data
    if space and space.type == "VIEW_3D" and space.local_view:
        ob.local_view_set(space, True)  # only objects in the local view can be edited
    ob.select_set(True)
    margin = {"margin_method": "FRACTION", "margin": 2 * max(2, side // MARGIN) / side}
    ob.data.edges.foreach_set("use_seam", islands.seams(ob.data))
    with all_selected():
        bpy.ops.uv.unwrap(method="ANGLE_BASED", **margin)
    if folded_share(ob.data) > MOST_FOLDED:
        with all_selected():
            bpy.ops.uv.smart_project(
                angle_limit=np.radians(CHART_DEG), island_margin=margin["margin"], margin_method="FRACTION"
            )


@contextmanager
def all_selected() -> Iterator[None]:
    """All of the active object's faces, in Edit Mode."""
    bpy.ops.object.mode_set(mode="EDIT")
    try:
        bpy.ops.mesh.reveal()
        bpy.ops.mesh.select_all(action="SELECT")
        yield
    finally:
        bpy.ops.object.mode_set(mode="OBJECT")


def folded_share(mesh: bpy.types.Mesh) -> float:
    """The share of the surface whose faces are turned over in the UV map, or have no area there."""
    uv = np.empty(2 * len(mesh.loops), np.float32)
    mesh.uv_layers.active.uv.foreach_get("vector", uv)
    mesh.calc_loop_triangles()
    loops = np.empty(3 * len(mesh.loop_triangles), np.int32)
    areas = np.empty(len(mesh.loop_triangles), np.float32)
    mesh.loop_triangles.foreach_get("loops", loops)
    mesh.loop_triangles.foreach_get("area", areas)
    a, b, c = uv.reshape(-1, 2)[loops.reshape(-1, 3)].transpose(1, 0, 2)
    signed = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    return float(areas[signed <= 0].sum() / max(areas.sum(), 1e-20))


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

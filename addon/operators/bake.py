# SPDX-License-Identifier: GPL-3.0-or-later
"""The buttons Texture and Normal Map: images for a mesh of the scene, and materials that show them."""

from __future__ import annotations

import bpy
from mathutils import Matrix

from ..base.trouble import Trouble, one_line
from ..scene import baking, mesh_export, mesh_import, versions, viewport
from . import finish


class IMAGE_TO_MESH_OT_bake_texture(finish.MeshOperator, bpy.types.Operator):
    """Bake colours into an image: from the other selected mesh, the mesh before decimation, or this mesh. Unwraps it
    if it has no UV map. Blocks Blender meanwhile; the old mesh stays in History"""

    bl_idname = "image_to_mesh.bake_texture"
    bl_label = "Texture"

    def change(self, context, ob, settings):
        source = source_of(context, ob) if settings.from_dense else None
        bake(context, ob, source or own_source(ob), int(settings.map_size), is_normal=False)


class IMAGE_TO_MESH_OT_bake_normal_map(finish.MeshOperator, bpy.types.Operator):
    """Bake the relief into an image: from the other selected mesh or the mesh before decimation. Unwraps it if it has
    no UV map. Blocks Blender meanwhile; the old mesh stays in History"""

    bl_idname = "image_to_mesh.bake_normal_map"
    bl_label = "Normal Map"

    def change(self, context, ob, settings):
        source = source_of(context, ob)
        if source is None:
            raise Trouble(f"No denser mesh of {ob.name} is known", f"Select it too, with {ob.name} active", "input")
        bake(context, ob, source, int(settings.map_size), is_normal=True)


Source = tuple[bpy.types.Mesh, Matrix]
"""A copy of the mesh to bake from, and the map 4 x 4 of its space to the coarse object's."""


def source_of(context, ob: bpy.types.Object) -> Source | None:
    """The other selected mesh with its modifiers, or the mesh that this object's was decimated or remeshed from."""
    if other := other_of(context, ob):
        graph = context.evaluated_depsgraph_get()
        detail = bpy.data.meshes.new_from_object(other.evaluated_get(graph), depsgraph=graph)
        return detail, ob.matrix_world.inverted_safe() @ other.matrix_world
    dense = versions.dense_of(context.scene, ob.data)
    return (dense.copy(), Matrix()) if dense else None


def other_of(context, ob: bpy.types.Object) -> bpy.types.Object | None:
    return next((other for other in context.selected_objects if other.type == "MESH" and other != ob), None)


def own_source(ob: bpy.types.Object) -> Source:
    """The object's own mesh in its materials."""
    detail = ob.data.copy()
    baking.set_materials(detail, [slot.material for slot in ob.material_slots])
    return detail, Matrix()


def bake(context, ob: bpy.types.Object, source: Source, side: int, is_normal: bool) -> None:
    """Bake an image, and give the object a copy of its mesh in materials that show it. Raises Trouble, and then has
    changed nothing."""
    title, new = "Normal Map" if is_normal else "Texture", ob.data.copy()
    try:
        before = {slot.material: None for slot in ob.material_slots} or {None: None}
        for material in before:
            check(material)
        image = baking.bake(new, *source, side, is_normal, f"{ob.name} {title}")
    except (RuntimeError, Trouble) as error:
        bpy.data.meshes.remove(new)
        if isinstance(error, Trouble):
            raise
        raise Trouble(f"Blender could not bake: {one_line(error)}", "Choose a smaller Map Size") from error
    finally:
        bpy.data.meshes.remove(source[0])
    after = {material: with_image(material, new, image, is_normal) for material in before}
    materials = [after[slot.material] for slot in ob.material_slots] or list(after.values())
    versions.keep(context.scene, ob)
    dense = versions.dense_of(context.scene, ob.data)
    baking.set_materials(new, materials)
    finish.adopt(context.scene, ob, new, dense, f"{ob.name}, {title.lower()}")
    for slot, material in zip(ob.material_slots, materials, strict=True):  # those that are the object's, not the mesh's
        slot.material = material
    viewport.show_colors(ob)


def check(material: bpy.types.Material | None) -> None:
    """Raise Trouble for a material that could not show an image."""
    if material and material.node_tree and not baking.surface_of(material):
        raise Trouble(f"The material {material.name} has no Principled BSDF", "Add one to it", "input")


def with_image(
    material: bpy.types.Material | None, mesh: bpy.types.Mesh, image: bpy.types.Image, is_normal: bool
) -> bpy.types.Material:
    """A copy of the material, or a new one in its place, that shows the image."""
    copy = material.copy() if material and material.node_tree else None
    copy = copy or mesh_import.build_material(mesh.name, mesh_export.read_colors(mesh))
    nodes, links, surface = copy.node_tree.nodes, copy.node_tree.links, baking.surface_of(copy)
    assert surface
    texture = nodes.new("ShaderNodeTexImage")
    x, y = surface.location[:]
    texture.image, texture.location = image, (x - 560, y - 320 * is_normal)
    if not is_normal:
        replaced = [link.from_node for link in surface.inputs["Base Color"].links]
        links.new(texture.outputs["Color"], surface.inputs["Base Color"])
        nodes.active = texture  # Solid views show the active one
        for node in replaced:
            if node.type == "VERTEX_COLOR" and not any(output.is_linked for output in node.outputs):
                nodes.remove(node)
        return copy
    normal_map = nodes.new("ShaderNodeNormalMap")
    normal_map.location = x - 240, y - 320
    links.new(texture.outputs["Color"], normal_map.inputs["Color"])
    links.new(normal_map.outputs["Normal"], surface.inputs["Normal"])
    return copy


classes = (IMAGE_TO_MESH_OT_bake_texture, IMAGE_TO_MESH_OT_bake_normal_map)
register, unregister = bpy.utils.register_classes_factory(classes)

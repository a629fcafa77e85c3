# SPDX-License-Identifier: GPL-3.0-or-later
"""The buttons Texture and Normal Map: images for a mesh of the scene, and materials that show them."""

from __future__ import annotations

import re
from collections.abc import Generator

import bpy
from mathutils import Matrix

from ..base.trouble import Trouble, one_line
from ..scene import baking, mesh_export, mesh_import, versions, viewport
from . import finish
from .job_operator import report_trouble

POLL_S = 0.1
TEXTURE, NORMAL_MAP = "Texture", "Normal Map"  # endings of names of images and materials
OWN_NODES = ("VERTEX_COLOR", "TEX_IMAGE", "NORMAL_MAP")  # types of the nodes that the add-on makes

Source = tuple[bpy.types.Mesh, Matrix]
"""A copy of the mesh to bake from, and the map 4 x 4 of its space to the coarse object's."""


class BakeOperator(finish.MeshOperator):
    """Bakes part by part if it was clicked, until Esc; at once if a script calls it."""

    is_normal = False
    work: Generator[tuple[int, int]] | None = None  # the rest of it
    timer: bpy.types.Timer | None = None

    def source(self, context, ob: bpy.types.Object, settings) -> Source:
        """The mesh to bake from. Raises Trouble."""
        raise NotImplementedError

    def change(self, context, ob, settings):
        for _ in self.steps(context):
            pass

    def steps(self, context) -> Generator[tuple[int, int]]:
        """Yields (parts done, all parts). Raises Trouble."""
        ob, settings = context.active_object, context.scene.image_to_mesh.finish
        source, side = self.source(context, ob, settings), int(settings.map_size)
        yield from bake(context.scene, ob, source, side, self.is_normal)
        self.report({"INFO"}, f"{title_of(self.is_normal)} baked, {side} px")

    def invoke(self, context, event):
        if bpy.app.background:
            return self.execute(context)
        self.work, manager = self.steps(context), context.window_manager
        self.timer = manager.event_timer_add(POLL_S, window=context.window)
        manager.progress_begin(0, 100)
        manager.modal_handler_add(self)
        self.tell(context, 0.0)
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        if event.type == "ESC" and event.value == "PRESS":
            self.end(context)
            return {"CANCELLED"}
        if event.type != "TIMER":
            return {"RUNNING_MODAL"}
        assert self.work
        try:
            done, parts = next(self.work)
            self.tell(context, done / parts)
            return {"RUNNING_MODAL"}
        except StopIteration:
            self.end(context)
            return {"FINISHED"}
        except Trouble as trouble:
            self.end(context)
            return report_trouble(self, trouble)

    def cancel(self, context):
        """Another file is being opened."""
        self.end(context)

    def tell(self, context, share: float) -> None:
        """Show how far it is, at the mouse and in the status bar."""
        context.window_manager.progress_update(100 * share)
        name = bpy.app.translations.pgettext_iface(title_of(self.is_normal))
        stop = bpy.app.translations.pgettext_iface("Cancel")
        context.workspace.status_text_set(f"{name}: {100 * share:.0f} %    Esc: {stop}")

    def end(self, context) -> None:
        """Leave nothing behind of what is not finished."""
        if self.work:
            self.work.close()
        context.window_manager.event_timer_remove(self.timer)
        context.window_manager.progress_end()
        context.workspace.status_text_set(None)


class IMAGE_TO_MESH_OT_bake_texture(BakeOperator, bpy.types.Operator):
    """Bake colors into an image: from the other selected mesh, the mesh before decimation, or this mesh. Unwraps it
    if it has no UV map. Esc stops it; the old mesh stays in History"""

    bl_idname = "image_to_mesh.bake_texture"
    bl_label = "Texture"

    def source(self, context, ob, settings):
        return (source_of(context, ob) if settings.from_dense else None) or own_source(ob)


class IMAGE_TO_MESH_OT_bake_normal_map(BakeOperator, bpy.types.Operator):
    """Bake the relief into an image: from the other selected mesh or the mesh before decimation. Unwraps it if it has
    no UV map. Esc stops it; the old mesh stays in History"""

    bl_idname = "image_to_mesh.bake_normal_map"
    bl_label = "Normal Map"

    is_normal = True

    def source(self, context, ob, settings):
        if source := source_of(context, ob):
            return source
        raise Trouble(f"No denser mesh of {ob.name} is known", f"Select it too, with {ob.name} active", "input")


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


def bake(
    scene: bpy.types.Scene, ob: bpy.types.Object, source: Source, side: int, is_normal: bool
) -> Generator[tuple[int, int]]:
    """Bake an image, and give the object a copy of its mesh in materials that show it. Yields (parts done, all parts).
    Raises Trouble, and then has changed nothing, nor when it is closed early."""
    title, new = title_of(is_normal), ob.data.copy()
    work, image = None, None
    try:
        for slot in ob.material_slots:
            check(slot.material)
        work = baking.Baking(new, *source, side, is_normal, f"{ob.name} {title}")
        yield from work.run()
        image = work.take()
    except RuntimeError as error:
        raise Trouble(f"Blender could not bake: {one_line(error)}", "Choose a smaller Map Size") from error
    finally:
        bpy.data.meshes.remove(source[0])
        if not image:
            bpy.data.meshes.remove(new)
            if work:
                work.drop()
    show(scene, ob, new, image, is_normal)


def show(
    scene: bpy.types.Scene, ob: bpy.types.Object, new: bpy.types.Mesh, image: bpy.types.Image, is_normal: bool
) -> None:
    """Give the object the new mesh, in materials that show the image."""
    before = list({slot.material: None for slot in ob.material_slots} or {None: None})
    after = {material: with_image(material, new, image, is_normal) for material in before}
    materials = [after[slot.material] for slot in ob.material_slots] or list(after.values())
    versions.keep(scene, ob)
    dense = versions.dense_of(scene, ob.data)
    baking.set_materials(new, materials)
    finish.adopt(scene, ob, new, dense, f"{ob.name}, {title_of(is_normal).lower()}")
    for slot, material in zip(ob.material_slots, materials, strict=True):  # those that are the object's, not the mesh's
        slot.material = material
    viewport.show_colors(ob)


def title_of(is_normal: bool) -> str:
    return NORMAL_MAP if is_normal else TEXTURE


def check(material: bpy.types.Material | None) -> None:
    """Raise Trouble for a material that could not show an image."""
    if material and material.node_tree and not baking.surface_of(material):
        raise Trouble(f"The material {material.name} has no Principled BSDF", "Add one to it", "input")


def with_image(
    material: bpy.types.Material | None, mesh: bpy.types.Mesh, image: bpy.types.Image, is_normal: bool
) -> bpy.types.Material:
    """A copy of the material, or a new one in its place, that shows the image. Earlier versions keep theirs."""
    copy = material.copy() if material and material.node_tree else None
    copy = copy or mesh_import.build_material(mesh.name, mesh_export.read_colors(mesh))
    rename(copy, base_name((material or copy).name) + f" {title_of(is_normal)}")
    nodes, links, surface = copy.node_tree.nodes, copy.node_tree.links, baking.surface_of(copy)
    assert surface
    texture = nodes.new("ShaderNodeTexImage")
    x, y = surface.location[:]
    texture.image, texture.location = image, (x - 560, y - 320 * is_normal)
    if not is_normal:
        disconnect(copy.node_tree, surface.inputs["Base Color"])
        links.new(texture.outputs["Color"], surface.inputs["Base Color"])
        nodes.active = texture  # Solid views show the active one
        return copy
    disconnect(copy.node_tree, surface.inputs["Normal"])
    normal_map = nodes.new("ShaderNodeNormalMap")
    normal_map.location = x - 240, y - 320
    links.new(texture.outputs["Color"], normal_map.inputs["Color"])
    links.new(normal_map.outputs["Normal"], surface.inputs["Normal"])
    return copy


def disconnect(tree: bpy.types.NodeTree, socket: bpy.types.NodeSocket) -> None:
    """Cut what leads to a socket, and remove the nodes of ours that lead nowhere then."""
    for link in list(socket.links):
        node = link.from_node
        tree.links.remove(link)
        if node.type in OWN_NODES and not any(output.is_linked for output in node.outputs):
            for behind in node.inputs:
                disconnect(tree, behind)
            tree.nodes.remove(node)


def base_name(name: str) -> str:
    """A material's name without Blender's number and without the titles of the steps before."""
    name = re.sub(r"\.\d{3,}$", "", name)
    shorter = name.removesuffix(f" {TEXTURE}").removesuffix(f" {NORMAL_MAP}")
    return name if shorter == name else base_name(shorter)


def rename(material: bpy.types.Material, name: str) -> None:
    """Give a material a name, which it takes from one that nobody uses any more."""
    known = bpy.data.materials.get(name)
    if known and known != material and not known.users:
        bpy.data.materials.remove(known)
    material.name = name


classes = (IMAGE_TO_MESH_OT_bake_texture, IMAGE_TO_MESH_OT_bake_normal_map)
register, unregister = bpy.utils.register_classes_factory(classes)

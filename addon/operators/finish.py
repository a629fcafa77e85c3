# SPDX-License-Identifier: GPL-3.0-or-later
"""Ready to Use: fewer faces, quads, a solid, sharp edges, an asset. The mesh before stays as a version."""

from __future__ import annotations

from dataclasses import replace

import bmesh
import bpy
import numpy as np
from mathutils import Matrix

from ...backend.interface.mesh_tasks import MAKE_SOLID, PRINT_CHECK
from ..base import arrays, icons, thumbnail
from ..base.trouble import Trouble
from ..jobs.job import Job, inputs_of
from ..scene import mesh_export, mesh_import, mesh_use, replace_mesh, versions, viewport
from ..settings.finish import FinishSettings
from .job_operator import ExplainedOperator, JobOperator, report_trouble, request_of

QUADRIFLOW_SCALE = 1000.0  # QuadriFlow refuses short edges; at this scale it takes those of marching cubes
MM = 1000.0  # in a metre
MERGE_DISTANCE = 2e-4  # at that scale; QuadriFlow refuses edges shorter than 1e-4


def why_not_a_mesh(context) -> str:
    """The reason why the active object's mesh cannot be changed, or an empty string. Cheap."""
    active = context.active_object
    if active is None or active.type != "MESH" or not len(active.data.polygons):
        return "Select a mesh"
    if active.library or active.override_library or active.data.library:
        return "The active object is linked from another file"
    return "Switch to Object Mode first" if active.mode != "OBJECT" else ""


class MeshOperator(ExplainedOperator):
    """An operator that changes the active mesh."""

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def why_unavailable(cls, context) -> str:
        return why_not_a_mesh(context)

    def change(self, context, ob: bpy.types.Object, settings: FinishSettings) -> None:
        """Raises Trouble, and then has changed nothing."""
        raise NotImplementedError

    def execute(self, context):
        try:
            self.change(context, context.active_object, context.scene.image_to_mesh.finish)
        except Trouble as trouble:
            return report_trouble(self, trouble)
        return {"FINISHED"}


class IMAGE_TO_MESH_OT_decimate(MeshOperator, bpy.types.Operator):
    """Simplify the active mesh to this number of triangles. Colors and UVs stay; the old mesh stays in History"""

    bl_idname = "image_to_mesh.decimate"
    bl_label = "Decimate"

    def change(self, context, ob, settings):
        check_keys(ob)
        triangles = len(ob.data.loops) - 2 * len(ob.data.polygons)
        if triangles <= settings.faces:
            raise Trouble(f"{ob.name} has only {triangles:,} triangles", "Choose fewer Faces")
        versions.keep(context.scene, ob)
        alone = bpy.data.objects.new(ob.name, ob.data)  # without the artist's modifiers
        context.scene.collection.objects.link(alone)
        try:
            modifier = alone.modifiers.new("Decimate", "DECIMATE")
            modifier.ratio, modifier.use_collapse_triangulate = settings.faces / triangles, True
            context.view_layer.update()
            graph = context.evaluated_depsgraph_get()
            new = bpy.data.meshes.new_from_object(alone.evaluated_get(graph), depsgraph=graph)
        finally:
            bpy.data.objects.remove(alone)
        new.name = ob.data.name
        adopt_lighter(context.scene, ob, new, ob.data, "decimated")


class IMAGE_TO_MESH_OT_quad_remesh(MeshOperator, bpy.types.Operator):
    """Rebuild the active mesh from this number of quads (QuadriFlow). Colors are kept, UVs and textures are not; the
    old mesh stays in History"""

    bl_idname = "image_to_mesh.quad_remesh"
    bl_label = "Quad Remesh"

    def change(self, context, ob, settings):
        check_keys(ob)
        old = ob.data
        open_surface = Trouble(
            f"QuadriFlow cannot remesh {ob.name}: it needs a closed surface without holes",
            "Decimate it instead, or close it first with the Remesh modifier",
        )
        if not is_closed(old):
            raise open_surface
        groups = replace_mesh.groups_of(ob)
        new = ob.data = old.copy()
        enlarge(new, QUADRIFLOW_SCALE)
        try:
            bpy.ops.object.quadriflow_remesh(target_faces=settings.faces, use_preserve_boundary=False)
            done = all(len(polygon.vertices) == 4 for polygon in new.polygons)  # else Blender has only warned
        except RuntimeError:
            done = False
        if not done:
            ob.data = old
            bpy.data.meshes.remove(new)
            raise open_surface
        enlarge(new, 1 / QUADRIFLOW_SCALE)
        ob.data = old
        versions.keep(context.scene, ob)
        ob.data = new
        nearest = replace_mesh.nearest_of(old, mesh_export.read_arrays(new)[0])
        color_like(new, old, nearest, versions.untextured_of(context.scene, ob))
        new.shade_smooth()
        replace_mesh.carry_groups(ob, groups, nearest)
        adopt_lighter(context.scene, ob, new, old, "quads")


class IMAGE_TO_MESH_OT_make_solid(JobOperator, bpy.types.Operator):
    """Turn all faces of the active mesh outwards, close small holes and remove what cannot be seen from outside.
    Colors, UVs and materials stay; the old mesh stays in History"""

    bl_idname = "image_to_mesh.make_solid"
    bl_label = "Make Solid"

    @classmethod
    def missing(cls, context) -> str:
        reason = why_not_a_mesh(context)
        return reason or ("The mesh has shape keys. Apply them first" if context.active_object.data.shape_keys else "")

    def make_job(self, context):
        ob, scene = context.active_object, context.scene
        vertices, faces, _ = checked(ob.name, mesh_export.read_arrays(ob.data))
        colors = np.zeros((len(vertices), 4), np.uint8)  # Blender keeps its own
        request = request_of(
            context, MAKE_SOLID, ob.name, lambda: {"mesh": arrays.encode_mesh(vertices, faces, colors)}
        )
        return Job(request, mesh_use.SolidMesh(scene.session_uid, ob.session_uid, mesh_use.shape_of(ob.data)))


class IMAGE_TO_MESH_OT_print_check(JobOperator, bpy.types.Operator):
    """Say whether the active mesh, with its modifiers, can be printed, and what is wrong with it"""

    bl_idname = "image_to_mesh.print_check"
    bl_label = "Print Check"

    @classmethod
    def missing(cls, context) -> str:
        return why_not_a_mesh(context)

    def make_job(self, context):
        ob, scene = context.active_object, context.scene
        evaluated = ob.evaluated_get(context.evaluated_depsgraph_get())
        mesh = evaluated.to_mesh()
        try:
            vertices, faces, colors = checked(ob.name, mesh_export.read_arrays(mesh))
        finally:
            evaluated.to_mesh_clear()
        turn = np.array(ob.matrix_world.to_3x3(), np.float32)
        vertices = np.ascontiguousarray(vertices @ turn.T)
        faces = faces if np.linalg.det(turn) > 0 else np.ascontiguousarray(faces[:, ::-1])
        request = request_of(
            context, PRINT_CHECK, ob.name, lambda: {"mesh": arrays.encode_mesh(vertices, faces, colors)}
        )
        unit = MM * scene.unit_settings.scale_length
        request = replace(request, parameters=request.parameters | {"unit": unit})
        return Job(request, mesh_use.PrintReport(scene.session_uid, ob.session_uid, mesh_use.shape_of(ob.data)))


class IMAGE_TO_MESH_OT_smooth_by_angle(MeshOperator, bpy.types.Operator):
    """Shade the active mesh smooth, except for edges that are sharper than the angle"""

    bl_idname = "image_to_mesh.smooth_by_angle"
    bl_label = "Smooth by Angle"

    def change(self, context, ob, settings):
        ob.data.shade_smooth()
        ob.data.set_sharp_from_angle(angle=settings.angle)


class IMAGE_TO_MESH_OT_mark_asset(MeshOperator, bpy.types.Operator):
    """Mark the active object as an asset with a preview, for the Asset Browser"""

    bl_idname = "image_to_mesh.mark_asset"
    bl_label = "Mark as Asset"

    def change(self, context, ob, settings):
        ob.asset_mark()
        made = mesh_import.provenance_of(ob)
        prompt = inputs_of(made).get("prompt")
        ob.asset_data.description = str(prompt or f"Made from {made.get('input', ob.name)} by Image to Mesh")
        if "Image to Mesh" not in ob.asset_data.tags:
            ob.asset_data.tags.new("Image to Mesh")
        icons.paint_preview(ob, thumbnail.paint(*mesh_export.read_arrays(ob.data)))


def checked(name: str, read: tuple[np.ndarray, np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A mesh as it was read, unless it cannot be worked on. Raises Trouble."""
    if not len(read[1]):
        raise Trouble(f"{name} has no faces", "Choose a mesh with faces", "input")
    if not np.isfinite(read[0]).all():
        raise Trouble(f"{name} has vertices without a place", "Delete them first", "input")
    return read


def check_keys(ob: bpy.types.Object) -> None:
    """Raise Trouble for a mesh with shape keys, which would be lost."""
    if ob.data.shape_keys:
        raise Trouble(f"{ob.name} has shape keys, which would be lost", "Apply them first, or work on a copy", "input")


def enlarge(mesh: bpy.types.Mesh, factor: float) -> None:
    """Scale a mesh; when it grows, also merge vertices that are too close for QuadriFlow."""
    made = bmesh.new()
    made.from_mesh(mesh)
    made.transform(Matrix.Scale(factor, 4))
    if factor > 1:
        bmesh.ops.dissolve_degenerate(made, dist=MERGE_DISTANCE, edges=made.edges)
    made.to_mesh(mesh)
    made.free()


def is_closed(mesh: bpy.types.Mesh) -> bool:
    """Whether every edge lies between two faces."""
    edges = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("edge_index", edges)
    return bool((np.bincount(edges, minlength=len(mesh.edges)) == 2).all())


def adopt(
    scene: bpy.types.Scene, ob: bpy.types.Object, new: bpy.types.Mesh, dense: bpy.types.Mesh | None, name: str
) -> None:
    """Give the object the mesh, and make it a version. dense: the mesh whose relief and colors can be baked on it."""
    ob.data = new
    versions.add_object_mesh(scene, ob, new, name).dense = dense


def adopt_lighter(
    scene: bpy.types.Scene, ob: bpy.types.Object, new: bpy.types.Mesh, old: bpy.types.Mesh, step: str
) -> None:
    """Give the object a mesh that was made from its old one with fewer faces, and make it a version."""
    adopt(scene, ob, new, versions.dense_of(scene, old) or old, f"{ob.name}, {step}")
    viewport.show_colors(ob)


def color_like(new: bpy.types.Mesh, old: bpy.types.Mesh, nearest: np.ndarray, before: bpy.types.Mesh | None) -> None:
    """Copy colors and materials; in the place of those with a texture, the materials of the mesh before it, since the
    new mesh has no UV map. nearest (N,): for each vertex of the new mesh, the index of the old mesh's."""
    colors = mesh_export.read_colors(old)[nearest]
    for attribute in list(new.color_attributes):
        new.color_attributes.remove(attribute)
    mesh_import.add_colors(new, colors)
    new.materials.clear()
    for number, material in enumerate(old.materials):
        if mesh_import.texture_of(material):
            earlier = before.materials[number] if before and number < len(before.materials) else None
            material = earlier or mesh_import.build_material(new.name, colors)
        new.materials.append(material)


classes = (
    IMAGE_TO_MESH_OT_decimate,
    IMAGE_TO_MESH_OT_quad_remesh,
    IMAGE_TO_MESH_OT_make_solid,
    IMAGE_TO_MESH_OT_print_check,
    IMAGE_TO_MESH_OT_smooth_by_angle,
    IMAGE_TO_MESH_OT_mark_asset,
)
register, unregister = bpy.utils.register_classes_factory(classes)

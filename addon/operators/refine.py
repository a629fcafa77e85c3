# SPDX-License-Identifier: GPL-3.0-or-later
"""Refine in Place: an object's mesh is optimised further, and the object stays what it is."""

from dataclasses import replace

import bpy
import numpy as np

from ..base import arrays
from ..base.trouble import Trouble
from ..jobs.job import Job
from ..scene import delivery, frame, mesh_export, replace_mesh
from ..scene.images import input_image
from ..settings.refine import refining_engine
from .job_operator import JobOperator, request_of

FITS = 0.15, 0.5  # limits of the largest coordinate of a mesh that an engine takes as it comes


class IMAGE_TO_MESH_OT_refine(JobOperator, bpy.types.Operator):
    """Optimise the active object's mesh further, below its modifiers. The object keeps its place; the old mesh stays
    in History"""

    bl_idname = "image_to_mesh.refine"
    bl_label = "Refine in Place"

    @classmethod
    def missing(cls, context) -> str:
        active, settings = context.active_object, context.scene.image_to_mesh
        if active is None or active.type != "MESH":
            return "Select the mesh to refine"
        if active.library or active.mode != "OBJECT":
            return "The object is linked from another file" if active.library else "Switch to Object Mode first"
        if active.data.shape_keys:
            return "The mesh has shape keys. Apply them first"
        if settings.refine.group and settings.refine.group not in active.vertex_groups:
            return f"{active.name} has no vertex group {settings.refine.group}"
        if "prompt" in refining_engine(settings).inputs:
            return input_image.missing_prompt(settings)
        return input_image.missing_image(settings)

    def make_job(self, context):
        settings, scene, active = context.scene.image_to_mesh, context.scene, context.active_object
        engine = refining_engine(settings)
        by_prompt = "prompt" in engine.inputs
        image = dict if by_prompt else input_image.read_chosen_image(settings, scene)
        start = arrays.MeshArrays(*mesh_export.as_shown(active.data))
        if not len(start.faces):
            raise Trouble(f"{active.name} has no faces", "Choose a mesh with faces", "input")
        to_cube = into_cube(active, start.vertices)
        placed = replace_mesh.moved(start, to_cube)
        sent = arrays.encode_mesh(placed.vertices, placed.faces, placed.colors)
        inputs = {"prompt": settings.prompt} if by_prompt else input_image.selection(settings)
        origin = {} if by_prompt else input_image.origin(settings, image)
        request = request_of(
            context, engine, active.name, lambda: image() | {"mesh": sent}, inputs=inputs, origin=origin
        )
        request = replace(request, parameters=request.parameters | {mesh_export.START: mesh_export.MESH})
        from_cube = np.linalg.inv(to_cube)
        to_world = np.array(active.matrix_world) @ from_cube
        group = settings.refine.group
        return Job(request, delivery.RefinedMesh(scene.session_uid, active.session_uid, group, from_cube, to_world))


def into_cube(ob: bpy.types.Object, vertices: np.ndarray) -> np.ndarray:
    """The map 4 x 4 of the object's own space to the engine's cube. A mesh that was made here keeps its place in the
    cube if it fits; any other one is rotated as it stands in the scene, whose front the image shows. Raises Trouble."""
    cube = frame.cube_of(ob)
    turn = np.array(ob.matrix_world.to_3x3(), np.float64)
    if cube is not None:
        to_cube = np.linalg.inv(cube)
        points = vertices @ to_cube[:3, :3].T + to_cube[:3, 3]
        if FITS[0] <= np.abs(points).max() <= FITS[1]:
            return to_cube
        turn = to_cube[:3, :3]
    if abs(np.linalg.det(turn)) < 1e-12:
        raise Trouble(f"{ob.name} is flat: one of its scales is 0", "Scale it", "input")
    points, to_cube = vertices @ turn.T, np.eye(4)
    to_cube[:3, :3] = turn
    middle = (points.min(0) + points.max(0)) / 2
    scale = 0.499 / max(float(np.linalg.norm(points - middle, axis=1).max()), 1e-9)
    to_cube[:3, :3] *= scale
    to_cube[:3, 3] = -scale * middle
    return to_cube


register, unregister = bpy.utils.register_classes_factory((IMAGE_TO_MESH_OT_refine,))

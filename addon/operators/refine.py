# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Refine in place: an object's mesh is optimised further, and the object stays what it is."""

import json

import bpy
import numpy as np

from ...backend.interface import parameters, tasks
from ..base import arrays
from ..base.preferences import preferences
from ..base.trouble import Trouble
from ..jobs.job import Job
from ..scene import frame, input_image, mesh_export, mesh_import, replace_mesh, versions
from ..settings import scene as properties
from ..setup import environment
from . import generate

ENGINES = tuple(engine for engine in tasks.ENGINES if {"mesh"} < set(engine.inputs))
MESH = "mesh"  # the value of the engines' parameter `start`
FITS = 0.15, 0.5  # the farthest coordinate of a mesh that an engine takes as it comes


class RefineSettings(bpy.types.PropertyGroup):
    engine: bpy.props.EnumProperty(
        name="By",
        description="What the mesh should become more like",
        default=ENGINES[0].name.upper(),
        items=[
            (e.name.upper(), "Image" if "image" in e.inputs else "Prompt", e.help, properties.number_of(e.name))
            for e in ENGINES
        ],
    )
    group: bpy.props.StringProperty(
        name="Vertex Group", description="Only its vertices move, by their weights. Empty: a new mesh of the whole"
    )


class Refine(bpy.types.Operator):
    """Optimise the active object's mesh further. The object stays where and what it is, its modifiers too, and its
    mesh stays under History. The mesh below the modifiers is what changes"""

    bl_idname = "image_to_mesh.refine"
    bl_label = "Refine in Place"

    wait: bpy.props.BoolProperty(name="Wait", description="Return when it is done", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context):
        reason = environment.obstacle() or missing(context)
        cls.poll_message_set(reason)
        return not reason

    def execute(self, context):
        return generate.submit(self, context, make_job)


def chosen(settings) -> parameters.Engine:
    """The engine that refines."""
    return next((e for e in ENGINES if e.name.upper() == settings.refine.engine), ENGINES[0])


def missing(context) -> str:
    """Why nothing can be refined, or an empty string. Cheap: poll() asks on every redraw."""
    active, settings = context.active_object, context.scene.image_to_mesh
    if active is None or active.type != "MESH":
        return "Make the mesh to refine the active object"
    if active.library or active.mode != "OBJECT":
        return "The object is linked from another file" if active.library else "Leave the mode first"
    if active.data.shape_keys:
        return "The mesh has shape keys, which another mesh would not fit. Apply them first"
    if settings.refine.group and settings.refine.group not in active.vertex_groups:
        return f"{active.name} has no vertex group {settings.refine.group}"
    if "prompt" in chosen(settings).inputs:
        return input_image.missing_prompt(settings)
    return input_image.missing_image(settings)


def make_job(context) -> Job:
    """A job that begins with the active object's own mesh. Raises Trouble."""
    settings, scene, active = context.scene.image_to_mesh, context.scene, context.active_object
    engine = chosen(settings)
    words = "prompt" in engine.inputs
    picture = dict if words else input_image.read_chosen_image(settings, scene)[1]
    begin = arrays.MeshArrays(*mesh_export.read_arrays(active.data))
    if not len(begin.faces):
        raise Trouble(f"{active.name} has no faces", "Choose a mesh with faces", "input")
    to_cube = into_cube(active, begin.vertices)
    placed = replace_mesh.moved(begin, to_cube)
    sent = arrays.encode_mesh(placed.vertices, placed.faces, placed.colors)
    uid, group = active.session_uid, settings.refine.group
    values = properties.parameters_of(engine, settings, preferences().device.lower())
    return Job(
        engine=engine.name,
        parameters=values | {mesh_export.START: MESH},
        seed=settings.seed,
        attachments=lambda: picture() | {"mesh": sent},
        name=active.name,
        location=tuple(active.matrix_world.translation),
        scene=scene.session_uid,
        inputs={"prompt": settings.prompt} if words else {},
        origin={} if words else input_image.origin(settings, picture),
        place=lambda job, scene: put(job, scene, uid, np.linalg.inv(to_cube), group),
        frame=np.array(active.matrix_world) @ np.linalg.inv(to_cube),
    )


def into_cube(ob: bpy.types.Object, vertices: np.ndarray) -> np.ndarray:
    """The map 4 x 4 of the object's own space to the engine's cube. What was made here and fits it stays as it is;
    anything else is turned as it stands in the scene, whose front the picture shows. Raises Trouble."""
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


def put(job: Job, scene: bpy.types.Scene, uid: int, from_cube: np.ndarray, group: str) -> None:
    """Give the object its new mesh, and keep the old one as a version. Raises Trouble."""
    target = next((ob for ob in scene.objects if ob.session_uid == uid), None)
    if target is None or target.type != "MESH" or job.mesh is None:
        raise Trouble("The mesh is done, but the object is gone", "Use Import Finished Job to get it", "moved")
    found = replace_mesh.moved(job.mesh, from_cube)
    versions.keep(scene, target)
    if group:
        new = replace_mesh.pulled(target, found, group)
    else:
        new = replace_mesh.replaced(target, found)
    versions.remember(scene, job, new, job.mesh.thumbnail)
    target[mesh_import.RECIPE] = json.dumps(job.recipe() | {frame.FITTED: from_cube.tolist()})
    mesh_import.push_undo("Refine in Place")


classes = (RefineSettings, Refine)
register, unregister = bpy.utils.register_classes_factory(classes)

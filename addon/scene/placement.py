# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Fit to the scene: how high a mesh is, what it stands on, whose place it takes, in which collection it lies."""

import json

import bpy
import numpy as np
from mathutils import Matrix

from ..jobs.job import Job
from . import frame, mesh_import, replace_mesh, versions


class PlacementSettings(bpy.types.PropertyGroup):
    place: bpy.props.EnumProperty(
        name="Place",
        description="Where a mesh goes when it is done",
        items=(
            ("CURSOR", "Centre at Cursor", "The mesh's cube has its middle at the 3D cursor"),
            ("STAND", "Stand at Cursor", "The lowest point is at the 3D cursor's height"),
            ("FLOOR", "Stand on Floor", "The lowest point is at height 0, below or above the 3D cursor"),
            ("REPLACE", "Replace Active", "The active object gets the mesh, fitted into its size; its own is kept"),
        ),
    )
    height: bpy.props.FloatProperty(
        name="Height", description="How high the mesh becomes; 0 leaves its size", subtype="DISTANCE", min=0.0, max=1e6
    )
    collection: bpy.props.PointerProperty(
        type=bpy.types.Collection,
        name="Collection",
        description="Where new meshes are linked; the active collection if none is chosen",
    )


class Fit(bpy.types.Operator):
    """Give the selected meshes the height, and let them stand, as it is set here"""

    bl_idname = "image_to_mesh.fit"
    bl_label = "Fit Selected"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        reason = missing(context)
        cls.poll_message_set(reason)
        return not reason

    def execute(self, context):
        settings = context.scene.image_to_mesh.placement
        for ob in movable(context):
            fit(ob, settings.height, floor_of(settings.place, context.scene.cursor.location.z))
        return {"FINISHED"}


def missing(context) -> str:
    """Why nothing can be fitted, or an empty string."""
    return "" if movable(context) else "Select a mesh that is not linked from another file"


def movable(context) -> list[bpy.types.Object]:
    return [ob for ob in context.selected_objects if ob.type == "MESH" and not ob.library]


def floor_of(place: str, cursor: float) -> float | None:
    """The height of what a mesh stands on, None where it hangs."""
    return {"STAND": cursor, "FLOOR": 0.0}.get(place)


def wanted(context) -> dict:
    """What the artist has set, as a job keeps it."""
    settings, active = context.scene.image_to_mesh.placement, context.active_object
    replaces = settings.place == "REPLACE" and active and active.type == "MESH" and not active.library
    return {
        "height": settings.height,
        "floor": floor_of(settings.place, context.scene.cursor.location.z),
        "collection": settings.collection.session_uid if settings.collection else 0,
        "replaces": active.session_uid if replaces else 0,
    }


def add(job: Job, scene: bpy.types.Scene) -> bpy.types.Mesh:
    """Put the job's mesh into the scene as it was wanted; whatever is not there any more is done without."""
    assert job.mesh is not None
    place = job.placement
    target = next((ob for ob in scene.objects if ob.session_uid == place.get("replaces")), None)
    if target and not target.data.shape_keys:
        return replace(target, job, scene)
    new = mesh_import.add_object(job.mesh, job.name, job.recipe(), job.location, scene)
    fit(new, place.get("height", 0.0), place.get("floor"))
    collection = next((c for c in bpy.data.collections if c.session_uid == place.get("collection")), None)
    if collection and not collection.library and collection in scene.collection.children_recursive:
        for other in new.users_collection:
            other.objects.unlink(new)
        collection.objects.link(new)
    return new.data


def fit(ob: bpy.types.Object, height: float, floor: float | None) -> None:
    """Scale about the object's origin to a height in metres, 0 for none; move until its lowest point is on a floor."""
    if height and (extent := np.ptp(heights(ob))) > 1e-9:
        ob.scale *= height / extent
    if floor is not None:
        matrix = world(ob)
        matrix.translation.z += floor - float(heights(ob).min())
        ob.matrix_world = matrix


def world(ob: bpy.types.Object) -> Matrix:
    """Where the object is with what has been set since the scene was last looked at."""
    base = ob.parent.matrix_world @ ob.matrix_parent_inverse if ob.parent else Matrix()
    return base @ ob.matrix_basis


def heights(ob: bpy.types.Object) -> np.ndarray:
    """World z (N,) of the mesh's own vertices."""
    flat = np.empty(3 * len(ob.data.vertices), np.float32)
    ob.data.vertices.foreach_get("co", flat)
    row = np.array(world(ob))[2]
    return flat.reshape(-1, 3) @ row[:3] + row[3]


def replace(target: bpy.types.Object, job: Job, scene: bpy.types.Scene) -> bpy.types.Mesh:
    """The target's own mesh becomes a version; the new one stands in its box, as high, in the middle."""
    assert job.mesh is not None
    versions.keep(scene, target)
    box = extent(target.data)
    found = job.mesh.vertices
    low, high = found.min(0), found.max(0)
    scale = (box[1, 2] - box[0, 2]) / max(high[2] - low[2], 1e-9) or (box[1] - box[0]).max() / (high - low).max()
    matrix = np.eye(4)
    matrix[:3, :3] *= scale
    matrix[:3, 3] = (box[0] + box[1]) / 2 - scale * (low + high) / 2
    arrived = replace_mesh.moved(job.mesh, matrix)
    texture = mesh_import.load_texture(arrived.texture, job.name)
    new = replace_mesh.replaced(target, arrived, mesh_import.build_material(job.name, arrived.colors, texture))
    target[mesh_import.RECIPE] = json.dumps(job.recipe() | {frame.FITTED: matrix.tolist()})
    return new


def extent(mesh: bpy.types.Mesh) -> np.ndarray:
    """Least and greatest coordinates (2, 3)."""
    flat = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", flat)
    points = flat.reshape(-1, 3) if len(flat) else np.zeros((1, 3), np.float32)
    return np.stack([points.min(0), points.max(0)]).astype(np.float64)


classes = (PlacementSettings, Fit)
register, unregister = bpy.utils.register_classes_factory(classes)

# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene's versions: every mesh that was made in it, with all that it takes to make it again."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import bpy

from ...backend.interface import tasks
from ..base import provenance, stored_paths, thumbnail
from ..base.trouble import Trouble
from ..jobs.job import Job, Request, inputs_of
from ..settings import engines
from ..settings.choices import WEIGHTS
from ..settings.versions import Version
from . import free_place, mesh_export, mesh_import, together
from .images import image_import, input_image

REPEATED = ("prompt", "picture", "selection", together.VARIATIONS, together.BATCH)  # inputs; others may name files


def remember(scene: bpy.types.Scene, job: Job, ob: bpy.types.Object, picture: str) -> Version:
    """Add the mesh that an object got from a job, with its picture as `thumbnail.encode` gives it."""
    version = add(scene, job.name, ob.data, picture)
    version.object = ob
    version.recipe = ob[mesh_import.PROVENANCE]
    origin = job.request.origin
    version.filepath = origin.get("filepath", "")
    version.image = find(bpy.data.images, origin.get("image"))
    version.start = find(bpy.data.objects, origin.get("start"))
    if data := origin.get("render"):
        version.image = image_import.load(data, job.name)
    if path := origin.get("stored"):
        with suppress(OSError, RuntimeError):  # not worth losing the mesh
            version.image = image_import.load(Path(path).read_bytes(), job.name)
    return version


def keep(scene: bpy.types.Scene, source: bpy.types.Object) -> None:
    """Make an object's mesh a version before the object gets another one, unless it is a version already."""
    if all(version.mesh != source.data for version in scene.image_to_mesh_versions):
        add_object_mesh(scene, source, source.data, source.name)


def add_object_mesh(scene: bpy.types.Scene, ob: bpy.types.Object, mesh: bpy.types.Mesh, name: str) -> Version:
    """Add a mesh as a version with the object's provenance, image and starting mesh."""
    arrays, source = mesh_export.read_arrays(mesh), source_of(scene, ob)
    known = (source.filepath, source.image, source.start) if source else ("", None, None)
    version = add(scene, name, mesh, thumbnail.encode(thumbnail.paint(*arrays)) if len(arrays[1]) else "")
    version.recipe = str(ob.get(mesh_import.PROVENANCE, ""))
    version.filepath, version.image, version.start = known
    version.object = ob
    return version


def source_of(scene: bpy.types.Scene, ob: bpy.types.Object) -> Version | None:
    """The version that an object's mesh is or, if the mesh was changed since, one of the same job; else None."""
    versions, job = scene.image_to_mesh_versions, mesh_import.provenance_of(ob).get("job")
    same_mesh = (version for version in versions if version.mesh == ob.data)
    same_job = (version for version in versions if job and provenance_of(version).get("job") == job)
    return next(same_mesh, None) or next(same_job, None)


def add(scene: bpy.types.Scene, name: str, mesh: bpy.types.Mesh, picture: str) -> Version:
    version = scene.image_to_mesh_versions.add()
    version.name, version.mesh, version.thumbnail = name, mesh, picture
    scene.image_to_mesh_version = len(scene.image_to_mesh_versions) - 1
    return version


def belongs_to(scene: bpy.types.Scene, version: Version, ob: bpy.types.Object) -> bool:
    """Whether a version is one of the object's: made for it, by the job that made it, or from the same image or prompt.
    One whose object is gone, or from a file that does not tell, is anybody's."""
    if version.object in (None, ob) or version.mesh == ob.data:
        return True
    made, mine, source = provenance_of(version), mesh_import.provenance_of(ob), source_of(scene, ob)
    if made.get("job") and made["job"] == mine.get("job"):
        return True
    prompts = inputs_of(made).get("prompt"), inputs_of(mine).get("prompt")
    if any(prompts):
        return prompts[0] == prompts[1]
    images = [(version.filepath, version.image), (source.filepath, source.image) if source else ("", None)]
    return any(images[0]) and images[0] == images[1]


def dense_of(scene: bpy.types.Scene, mesh: bpy.types.Mesh) -> bpy.types.Mesh | None:
    """The mesh that this one was decimated or remeshed from, directly or in several steps."""
    return next((v.dense for v in scene.image_to_mesh_versions if v.mesh == mesh and v.dense), None)


def untextured_of(scene: bpy.types.Scene, ob: bpy.types.Object) -> bpy.types.Mesh | None:
    """The last version of an object's mesh whose materials have no texture."""
    mine = [v.mesh for v in scene.image_to_mesh_versions if v.object == ob and v.mesh and len(v.mesh.materials)]
    return next((m for m in reversed(mine) if not any(map(mesh_import.texture_of, m.materials))), None)


def find(collection, uid: int | None):
    """The data-block of this session_uid, if it is still there."""
    return next((block for block in collection if block.session_uid == uid), None)


def chosen(scene: bpy.types.Scene) -> Version | None:
    """The version that the list shows as active."""
    index, versions = scene.image_to_mesh_version, scene.image_to_mesh_versions
    return versions[index] if 0 <= index < len(versions) else None


def provenance_of(version: Version) -> dict:
    """The record of how a version was made; empty if it was not made here, or the record cannot be read."""
    return provenance.read(version.recipe)


def not_repeatable(version: Version) -> str:
    """The reason why a version cannot be made again, or an empty string. Cheap: poll() asks on every redraw."""
    try:
        task = tasks.task(str(provenance_of(version).get("engine")), tasks.MESH_TASKS)
    except ValueError:
        return "This version was not made by an engine"
    made = provenance_of(version)
    started_from_mesh = made.get("parameters", {}).get(mesh_export.START) == mesh_export.MESH
    if "mesh" in task.inputs and started_from_mesh and not version.start:
        return "Its starting mesh is no longer in this file"
    prompt = inputs_of(made).get("prompt")
    if "image" in task.inputs and not version.filepath and not version.image and not prompt:
        return "Its image is no longer in this file"
    return ""


def request_again(context, version: Version, seed: int | None) -> Request:
    """The request that made a version, with its own seed or another one. Raises Trouble."""
    if reason := not_repeatable(version):
        raise Trouble(f"{version.name} cannot be made again", reason, "input")
    made = provenance_of(version)
    task = tasks.task(made["engine"])
    try:
        values = vars(task.check(made["parameters"] | engines.machine_parameters(task)))
        seed = int(made.get("seed", 0)) if seed is None else seed
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        message = f"{version.name} was made by another version of Image to Mesh: {error}"
        raise Trouble(message, "Set the values under Settings", "input") from error
    inputs = {k: v for k, v in inputs_of(made).items() if k in REPEATED and isinstance(v, (str, dict))}
    refuse_foreign_weights(version, values, inputs.get("picture"))
    origin, image, start = {}, dict, dict
    if version.filepath:
        origin, image = {"filepath": version.filepath}, input_image.read_stored(version.filepath)
    elif version.image:
        origin, image = {"image": version.image.session_uid}, input_image.read_image(version.image)
    if version.start and values.get(mesh_export.START) == mesh_export.MESH:
        origin["start"] = version.start.session_uid
        start = mesh_export.read_object(context, version.start)
    return Request(
        engine=task.name,
        parameters=values,
        seed=seed,
        attachments=lambda: image() | start(),
        name=version.name,
        inputs=inputs,
        origin=origin,
    )


def refuse_foreign_weights(version: Version, *parameters: object) -> None:
    """Raise Trouble if weights lie on a computer that a .blend must not make this one ask."""
    for values in parameters:
        weights = values.get(WEIGHTS) if isinstance(values, dict) else None
        if isinstance(weights, str) and (elsewhere := stored_paths.foreign(weights)):
            message = f"{version.name} was made with weights on another computer: {elsewhere}"
            raise Trouble(message, "Choose them again under Settings", "weights")


def is_seeded(version: Version) -> bool:
    """Whether another seed gives another result: that of the engine, or of the image that is made of the prompt."""
    return is_seeded_by(provenance_of(version))


def is_seeded_by(made: dict) -> bool:
    """Whether another seed gives another result with a record of how a version was made."""
    try:
        task = tasks.task(str(made.get("engine")))
    except ValueError:
        return False
    try:
        return task.check(made.get("parameters", {})).is_seeded or bool(inputs_of(made).get("prompt"))
    except ValueError:  # another version's parameters, with which it cannot be made again
        return False


def next_seed(scene: bpy.types.Scene, version: Version) -> int:
    """The smallest seed that no version of the same engine and input has."""
    mine = provenance_of(version)
    alike = [
        made
        for made in map(provenance_of, scene.image_to_mesh_versions)
        if all(made.get(key) == mine.get(key) for key in ("engine", "input"))
    ]
    used = {made.get("seed") for made in alike}
    return next(seed for seed in range(len(used) + 1) if seed not in used)


def go_back(scene: bpy.types.Scene, target: bpy.types.Object, version: Version) -> None:
    """Give the object the version's mesh; its place, parent, collections and modifiers stay. Its own mesh is kept as a
    version."""
    mesh, recipe = version.mesh, version.recipe  # before a new version moves the others in memory
    keep(scene, target)
    target.data = mesh
    if recipe:
        target[mesh_import.PROVENANCE] = recipe


def put_beside(context, version: Version) -> bpy.types.Object:
    """A new object with the version's mesh in the next free place to the right of the active object."""
    active = context.active_object
    new = bpy.data.objects.new(version.name, version.mesh)
    new[mesh_import.PROVENANCE] = version.recipe
    if active:
        new.matrix_world = active.matrix_world
        new.matrix_world.translation.x += free_place.shift_right(free_place.box_of(new), context.scene)
    mesh_import.collection_for_new(context.scene, context.view_layer).objects.link(new)
    mesh_import.select_only(new, context.view_layer)
    return new

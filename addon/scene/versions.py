# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The scene's versions: every mesh that was made in it, with what it takes to make it again. Kept in the .blend."""

from __future__ import annotations

import json
from pathlib import Path

import bpy

from ...backend.interface import parameters, tasks
from ..base import thumbnail
from ..base.preferences import preferences
from ..base.trouble import Trouble
from ..jobs.job import Job
from . import image_import, input_image, mesh_export, mesh_import

GAP = 0.2  # between meshes side by side, of the wider one


class Version(bpy.types.PropertyGroup):
    """One result. `mesh` is the data itself, so that going back costs nothing and no edit is lost."""

    recipe: bpy.props.StringProperty()
    thumbnail: bpy.props.StringProperty()
    mesh: bpy.props.PointerProperty(type=bpy.types.Mesh)
    filepath: bpy.props.StringProperty(subtype="FILE_PATH")
    image: bpy.props.PointerProperty(type=bpy.types.Image)
    start: bpy.props.PointerProperty(type=bpy.types.Object)
    dense: bpy.props.PointerProperty(type=bpy.types.Mesh, description="What a mesh of fewer faces was made of")


def remember(scene: bpy.types.Scene, job: Job, mesh: bpy.types.Mesh, picture: str) -> Version:
    """Add what a job made, with its picture as `thumbnail.encode` gives it."""
    version = add(scene, job.name, mesh, picture)
    version.recipe = json.dumps(job.recipe())
    origin = job.origin
    version.filepath = origin.get("filepath", "")
    version.image = find(bpy.data.images, origin.get("image"))
    version.start = find(bpy.data.objects, origin.get("start"))
    if data := origin.get("render"):
        version.image = image_import.load(data, job.name)
    return version


def keep(scene: bpy.types.Scene, source: bpy.types.Object) -> None:
    """Keep an object's mesh before it gets another, unless it is one of the versions already."""
    if all(version.mesh != source.data for version in scene.image_to_mesh_versions):
        vertices, faces, colors = mesh_export.read_arrays(source.data)
        picture = thumbnail.encode(thumbnail.paint(vertices, faces, colors)) if len(faces) else ""
        add(scene, source.name, source.data, picture).recipe = str(source.get(mesh_import.RECIPE, ""))


def add(scene: bpy.types.Scene, name: str, mesh: bpy.types.Mesh, picture: str) -> Version:
    version = scene.image_to_mesh_versions.add()
    version.name, version.mesh, version.thumbnail = name, mesh, picture
    scene.image_to_mesh_version = len(scene.image_to_mesh_versions) - 1
    return version


def dense_of(scene: bpy.types.Scene, mesh: bpy.types.Mesh) -> bpy.types.Mesh | None:
    """The mesh that this one was decimated or remeshed from, however often."""
    return next((v.dense for v in scene.image_to_mesh_versions if v.mesh == mesh and v.dense), None)


def find(collection, uid: int | None):
    """The data-block of this session_uid, if it is still there."""
    return next((block for block in collection if block.session_uid == uid), None)


def chosen(scene: bpy.types.Scene) -> Version | None:
    """The version that the list shows as active."""
    index, versions = scene.image_to_mesh_version, scene.image_to_mesh_versions
    return versions[index] if 0 <= index < len(versions) else None


def recipe_of(version: Version) -> dict:
    """How it was made; empty for what was not made here, or what cannot be read."""
    return parse(version.recipe)


def parse(text: str) -> dict:
    try:
        recipe = json.loads(text or "{}")
    except ValueError:
        return {}
    return recipe if isinstance(recipe, dict) else {}


def recipe_of_object(ob: bpy.types.Object) -> dict:
    """The same of an object."""
    return parse(str(ob.get(mesh_import.RECIPE, "")))


def not_repeatable(version: Version) -> str:
    """Why it cannot be made again, or an empty string. Cheap: poll() asks on every redraw."""
    try:
        engine = tasks.engine(str(recipe_of(version).get("engine")))
    except ValueError:
        return "This version was not made by one of the engines"
    if "mesh" in engine.inputs and recipe_of(version).get("parameters", {}).get(mesh_export.START) == "mesh":
        if not version.start:
            return "The mesh that it started from is not in this file any more"
    words = dict(recipe_of(version).get("inputs") or {}).get("prompt")
    if "image" in engine.inputs and not version.filepath and not version.image and not words:
        return "Its image is not in this file any more"
    return ""


def job_again(context, version: Version, seed: int | None) -> Job:
    """The same job once more, with its own seed or another one. Raises Trouble."""
    if reason := not_repeatable(version):
        raise Trouble(f"{version.name} cannot be made again", reason, "input")
    recipe, scene = recipe_of(version), context.scene
    engine = tasks.engine(recipe["engine"])
    try:
        values = engine.check(recipe["parameters"] | device_of(engine))
    except (KeyError, TypeError, ValueError) as error:
        told = f"{version.name} was made by another version: {error}"
        raise Trouble(told, "Use the settings instead", "input") from error
    origin, attachments = {}, dict
    if version.filepath:
        path = Path(bpy.path.abspath(version.filepath))
        origin, attachments = {"filepath": version.filepath}, input_image.read_file(path)
    elif version.image:
        origin, attachments = {"image": version.image.session_uid}, input_image.read_image(version.image)
    start = dict
    if version.start and values.get(mesh_export.START) == "mesh":
        origin["start"] = version.start.session_uid
        start = mesh_export.read_object(context, version.start)
    return Job(
        engine=engine.name,
        parameters=values,
        seed=int(recipe.get("seed", 0)) if seed is None else seed,
        attachments=lambda: attachments() | start(),
        name=version.name,
        location=tuple(scene.cursor.location),
        scene=scene.session_uid,
        inputs={k: v for k, v in dict(recipe.get("inputs") or {}).items() if isinstance(v, (str, dict))},
        origin=origin,
    )


def device_of(engine: parameters.Engine) -> dict:
    return {"device": preferences().device.lower()} if any(p.name == "device" for p in engine.parameters) else {}


def next_seed(scene: bpy.types.Scene, version: Version) -> int:
    """The smallest seed that no version of the same engine and input has."""
    mine = recipe_of(version)
    alike = [
        recipe
        for recipe in map(recipe_of, scene.image_to_mesh_versions)
        if all(recipe.get(key) == mine.get(key) for key in ("engine", "input"))
    ]
    used = {recipe.get("seed") for recipe in alike}
    return next(seed for seed in range(len(used) + 1) if seed not in used)


def go_back(scene: bpy.types.Scene, target: bpy.types.Object, version: Version) -> None:
    """Give the object the version's mesh; its place, parent, collections and modifiers stay. Its own mesh becomes a
    version if it was none."""
    keep(scene, target)
    target.data = version.mesh
    if version.recipe:
        target[mesh_import.RECIPE] = version.recipe


def put_beside(context, version: Version) -> bpy.types.Object:
    """A new object of the version's mesh, to the right of the active one and of what was put there before."""
    active = context.active_object
    new = bpy.data.objects.new(version.name, version.mesh)
    new[mesh_import.RECIPE] = version.recipe
    mesh_import.target(context.scene, context.view_layer).objects.link(new)
    context.view_layer.update()
    if active:
        new.matrix_world = active.matrix_world
        context.view_layer.update()
        taken = [span(ob) for ob in context.scene.objects if ob.type == "MESH" and ob != new and is_level(ob, active)]
        left, right = span(new)
        shift = max(high for _, high in taken) - left + GAP * (right - left)
        new.matrix_world.translation.x += shift
    mesh_import.select_only(new, context.view_layer)
    return new


def span(ob: bpy.types.Object) -> tuple[float, float]:
    """Its least and greatest x in the world."""
    xs = [sum(ob.matrix_world[0][i] * corner[i] for i in range(3)) + ob.matrix_world[0][3] for corner in ob.bound_box]
    return min(xs), max(xs)


def is_level(ob: bpy.types.Object, other: bpy.types.Object) -> bool:
    """Whether it stands in the same row: at the same y and z."""
    return all(abs(ob.matrix_world.translation[i] - other.matrix_world.translation[i]) < 1e-3 for i in (1, 2))


def register() -> None:
    bpy.utils.register_class(Version)
    bpy.types.Scene.image_to_mesh_versions = bpy.props.CollectionProperty(type=Version)
    bpy.types.Scene.image_to_mesh_version = bpy.props.IntProperty(name="Version", default=-1)


def unregister() -> None:
    del bpy.types.Scene.image_to_mesh_versions, bpy.types.Scene.image_to_mesh_version
    bpy.utils.unregister_class(Version)

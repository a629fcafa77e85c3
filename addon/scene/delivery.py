# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting results into the scene: one class with `deliver` for each kind of result. Main thread only."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import bpy
import numpy as np
from mathutils import Matrix

from ...backend.interface.view_set import FOV_DEG, RADIUS
from ..base import cameras, icons
from ..base.arrays import MeshArrays
from ..base.trouble import Trouble, one_line
from ..jobs.job import Job
from . import (
    fitting,
    frame,
    free_place,
    mesh_import,
    render_view,
    replace_mesh,
    together,
    versions,
    view_cameras,
    viewport,
)
from .images import image_editor, image_import, input_image

IMPORT, AGAIN = "Use Import Finished Job to add it to this scene", "Start the job again"
REFERENCE_SIDE = 2 * RADIUS * math.tan(math.radians(FOV_DEG) / 2)  # width that a view shows, in the cube's sides
REFERENCE_DISTANCE = 0.75  # of a reference image behind the cube's middle, in the cube's sides
PREVIEW = 128  # pixels of a novel view's picture in the panel
REFERENCES, PROMPT_VIEWS = "Novel Views", "Views of Prompt"  # names of collections

Vector = tuple[float, float, float]


@contextmanager
def undo_step(name: str, done: str, remedy: str = AGAIN) -> Iterator[None]:
    """Adds an undo step after the block, and turns bpy's errors, for instance of a linked scene, into Trouble."""
    try:
        yield
        mesh_import.push_undo(name)
    except (AttributeError, OSError, ReferenceError, RuntimeError) as error:
        raise Trouble(f"{done}, but Blender could not add it: {one_line(error)}", remedy, "moved") from error


@dataclass(eq=False)
class NewMesh:
    """A new object: at a location in metres or in the next free place to the right, scaled to a height (0: as it
    comes), standing on a floor (None: not), in the collection of a session_uid (0: the active one). views: the 3D Views
    at the click; those that have not been moved since will show it."""

    scene: int
    location: Vector
    height: float = 0.0
    floor: float | None = None
    collection: int = 0
    views: viewport.Views = field(default_factory=dict)

    def frame(self, vertices: np.ndarray) -> np.ndarray:
        matrix, scene = self._from_cube(vertices), versions.find(bpy.data.scenes, self.scene)
        matrix[:3, 3] += self._place(vertices, matrix, scene) if scene else self.location
        return matrix

    def deliver(self, job: Job, scene: bpy.types.Scene) -> None:
        mesh = mesh_of(job)
        matrix = self._from_cube(mesh.vertices)
        place, still = self._place(mesh.vertices, matrix, scene), viewport.unchanged(self.views, scene)
        with undo_step("Image to Mesh", "The mesh is finished", IMPORT):
            fitted = replace_mesh.moved(mesh, matrix)
            new = mesh_import.add_object(fitted, job.name, provenance_in(job, matrix), tuple(place), scene)
            self._move_to_collection(new, scene)
            versions.remember(scene, job, new, mesh.thumbnail)
        viewport.show_colors(new)
        viewport.frame(still, [new, *together.others(scene, new, together.VARIATIONS, together.BATCH)], scene)

    def _from_cube(self, vertices: np.ndarray) -> np.ndarray:
        """The engine's cube to the object's space, 4 x 4. A mesh that stands has its origin at the bottom centre."""
        low, high = vertices.min(0).astype(np.float64), vertices.max(0).astype(np.float64)
        scale = self.height / (high[2] - low[2]) if self.height and high[2] - low[2] > 1e-9 else 1.0
        matrix = np.diag([scale, scale, scale, 1.0])
        if self.floor is not None:
            matrix[:3, 3] = -scale * np.array([*(low + high)[:2] / 2, low[2]])
        return matrix

    def _place(self, vertices: np.ndarray, from_cube: np.ndarray, scene: bpy.types.Scene) -> np.ndarray:
        """The location (3,) in metres at which the mesh overlaps nothing."""
        place = np.array(self.location, np.float64)
        place[2] = place[2] if self.floor is None else self.floor
        box = np.stack([vertices.min(0), vertices.max(0)]) @ from_cube[:3, :3].T + from_cube[:3, 3] + place
        place[0] += free_place.shift_right(box, scene)
        return place

    def _move_to_collection(self, new: bpy.types.Object, scene: bpy.types.Scene) -> None:
        collection = versions.find(bpy.data.collections, self.collection)
        if collection and not collection.library and collection in scene.collection.children_recursive:
            for other in new.users_collection:
                other.objects.unlink(new)
            collection.objects.link(new)


@dataclass(eq=False)
class ReplacedMesh:
    """The mesh of the object of a session_uid, fitted into the box of its old one, which becomes a version. If the
    object is gone or has shape keys, there will be a new object instead."""

    replaces: int
    otherwise: NewMesh

    @property
    def scene(self) -> int:
        return self.otherwise.scene

    def frame(self, vertices: np.ndarray) -> np.ndarray:
        return self.otherwise.frame(vertices)

    def deliver(self, job: Job, scene: bpy.types.Scene) -> None:
        target = versions.find(scene.objects, self.replaces)
        if target is None or target.data.shape_keys:
            self.otherwise.deliver(job, scene)
            return
        mesh = mesh_of(job)
        with undo_step("Image to Mesh", "The mesh is finished", IMPORT):
            versions.keep(scene, target)
            matrix = fitting.into_box(mesh.vertices, fitting.extent(target.data))
            fitted = replace_mesh.moved(mesh, matrix)
            texture = mesh_import.load_texture(fitted.texture, job.name)
            material = mesh_import.build_material(job.name, fitted.colors, texture)
            replace_mesh.replaced(target, fitted, material)
            target[mesh_import.PROVENANCE] = provenance_in(job, matrix)
            versions.remember(scene, job, target, mesh.thumbnail)
        viewport.show_colors(target)


@dataclass(eq=False)
class RefinedMesh:
    """A refined mesh for the object of a session_uid, which keeps its place. group: the vertex group that may move, or
    empty. from_cube: the engine's cube to the object's own space, 4 x 4."""

    scene: int
    refines: int
    group: str
    from_cube: np.ndarray
    to_world: np.ndarray

    def frame(self, vertices: np.ndarray) -> np.ndarray:
        return self.to_world

    def deliver(self, job: Job, scene: bpy.types.Scene) -> None:
        target, mesh = versions.find(scene.objects, self.refines), mesh_of(job)
        if target is None or target.type != "MESH":
            raise Trouble("The mesh is finished, but its object has been deleted", IMPORT, "moved")
        with undo_step("Refine in Place", "The mesh is finished", IMPORT):
            refined = replace_mesh.moved(mesh, self.from_cube)
            versions.keep(scene, target)
            if self.group:
                replace_mesh.pulled(target, refined, self.group)
            else:
                replace_mesh.replaced(target, refined)
            target[mesh_import.PROVENANCE] = provenance_in(job, self.from_cube)
            versions.remember(scene, job, target, mesh.thumbnail)


class WithoutPreview:
    """A result that has no place in the scene before it is there."""

    def frame(self, vertices: np.ndarray) -> None:
        return None


@dataclass(eq=False)
class InputImage(WithoutPreview):
    """An image made of a prompt, which becomes the scene's input as long as the prompt stays."""

    scene: int

    def deliver(self, job: Job, scene: bpy.types.Scene) -> None:
        with undo_step("Make Image", "The image is finished"):
            image = image_import.load(job.outcome.images[0], job.name)
            image[input_image.PROMPT] = str(job.request.inputs.get("prompt", "")).strip()
            image.use_fake_user = True  # another look takes its place in the panel, and it stays in the file
            scene.image_to_mesh.source, scene.image_to_mesh.drawn = "PROMPT", image


@dataclass(eq=False)
class SubjectImages(WithoutPreview):
    """Images of the subject that was learnt, kept in the file."""

    scene: int

    def deliver(self, job: Job, scene: bpy.types.Scene) -> None:
        with undo_step("Learn Subject", "The images are finished"):
            for number, data in enumerate(job.outcome.images):
                image_import.load(data, f"{job.name} {number:02}").use_fake_user = True


@dataclass(eq=False)
class NovelView(WithoutPreview):
    """A view as an image, or behind what the camera of a session_uid sees (0: none). cube: to the world, 4 x 4."""

    scene: int
    view: cameras.View
    cube: np.ndarray
    camera: int = 0

    def deliver(self, job: Job, scene: bpy.types.Scene) -> None:
        azimuth, elevation = self.view.azimuth, self.view.elevation
        with undo_step("Novel View", "The view is finished"):
            name = f"{job.name} {azimuth:.0f}\N{DEGREE SIGN} {elevation:.0f}\N{DEGREE SIGN}"
            image, camera = image_import.load(job.outcome.images[0], name), versions.find(scene.objects, self.camera)
            if camera and camera.type == "CAMERA":
                view_cameras.lay_behind(camera, image, self.view, self.cube, scene)
                bpy.data.images.remove(image)
            else:
                image.use_fake_user, image[view_cameras.NOVEL] = (
                    True,
                    f"{azimuth:.0f}\N{DEGREE SIGN} {elevation:.0f}\N{DEGREE SIGN}",
                )
                icons.paint_preview(image, image_import.small(image, PREVIEW))
                image_editor.show(image)


@dataclass(eq=False)
class ReferenceImages(WithoutPreview):
    """Views that stand behind the object, each seen from its own side only. angles: (azimuth, elevation) in degrees,
    None for the elevation of the input image. cube: to the world, 4 x 4."""

    scene: int
    angles: list[tuple[float, float | None]]
    cube: np.ndarray

    def deliver(self, job: Job, scene: bpy.types.Scene) -> None:
        estimated = job.outcome.facts.get("elevation_deg") or 0.0
        with undo_step("Novel Views", "The views are finished"):
            collection = view_cameras.add_collection(scene, REFERENCES)
            for data, (azimuth, elevation) in zip(job.outcome.images, self.angles, strict=False):
                image = image_import.load(data, f"{job.name} {azimuth:.0f}\N{DEGREE SIGN}")
                stand = bpy.data.objects.new(image.name, None)
                stand.empty_display_type, stand.data, stand.empty_image_side = "IMAGE", image, "FRONT"
                elevation = estimated if elevation is None else elevation
                pose = self.cube @ cameras.orbit(azimuth, elevation, -REFERENCE_DISTANCE)
                stand.matrix_world = Matrix(pose.tolist())
                stand.empty_display_size = REFERENCE_SIDE
                collection.objects.link(stand)


@dataclass(eq=False)
class PromptViews(WithoutPreview):
    """A camera for each view, with the view behind it; Views to Mesh takes them from there. cube: to the world."""

    scene: int
    cube: np.ndarray

    def deliver(self, job: Job, scene: bpy.types.Scene) -> None:
        images = job.outcome.images
        poses, fov_deg = stated_cameras(job.outcome.facts, len(images))
        with undo_step("Views of Prompt", "The views are finished"):
            collection = view_cameras.add_collection(scene, PROMPT_VIEWS)
            for number, (data, pose) in enumerate(zip(images, poses, strict=True)):
                camera = view_cameras.add_camera(collection, f"{job.name} {number:02}", fov_deg)
                camera.matrix_world = Matrix((self.cube @ pose).tolist())
                view_cameras.add_background(camera, image_import.load(data, camera.name))
            scene.image_to_mesh.views.source = "IMAGES"


@dataclass(eq=False)
class RigViews(WithoutPreview):
    """Renders behind the cameras of these session_uids, in the place of earlier ones."""

    scene: int
    cameras: list[int]
    renders: render_view.Renders

    def deliver(self, job: Job, scene: bpy.types.Scene) -> None:
        with undo_step("Render Views", "The views are finished"):
            for uid, data in zip(self.cameras, self.renders.files, strict=True):
                if camera := versions.find(scene.objects, uid):
                    camera.data.background_images.clear()
                    view_cameras.add_background(camera, image_import.load(data, camera.name))


def mesh_of(job: Job) -> MeshArrays:
    if job.outcome.mesh is None:
        raise Trouble("The job returned no mesh", AGAIN, "internal")
    return job.outcome.mesh


def provenance_in(job: Job, from_cube: np.ndarray) -> str:
    """The record of how an object's mesh was made, and where the engine's cube lies in the object's space, as JSON."""
    return json.dumps(job.provenance() | {frame.FITTED: from_cube.tolist()})


def stated_cameras(facts: dict, count: int) -> tuple[np.ndarray, float]:
    """(camera-to-world matrices (count, 4, 4), field of view in degrees) of a result's facts. Raises Trouble."""
    try:
        poses, fov_deg = np.array(facts["poses"], np.float64), float(facts["fov_deg"])
        if poses.shape != (count, 4, 4) or not np.isfinite(poses).all() or not 0 < fov_deg < 180:
            raise ValueError
    except (KeyError, TypeError, ValueError) as error:
        raise Trouble("The views have no valid cameras", AGAIN, "input") from error
    return poses, fov_deg


def mesh_delivery(context) -> NewMesh | ReplacedMesh:
    """The delivery of a mesh by the settings of Fit to Scene, as they are at the click."""
    scene, active = context.scene, context.active_object
    settings, cursor = scene.image_to_mesh.placement, scene.cursor.location
    new = NewMesh(
        scene=scene.session_uid,
        location=tuple(cursor),
        height=settings.height,
        floor=fitting.floor_of(settings.place, cursor.z),
        views=viewport.views_of(scene),
        collection=settings.collection.session_uid if settings.collection else 0,
    )
    replaces = settings.place == "REPLACE" and active and active.type == "MESH" and not active.library
    return ReplacedMesh(active.session_uid, new) if replaces else new


def at(scene: bpy.types.Scene, point) -> NewMesh:
    """A new object at a point (3,) in metres or to the right of it, as it comes."""
    x, y, z = map(float, point)
    return NewMesh(scene.session_uid, (x, y, z), views=viewport.views_of(scene))

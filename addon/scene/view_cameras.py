# SPDX-License-Identifier: GPL-3.0-or-later
"""Cameras of the scene with images behind what they see: the view rig, views of a prompt, backgrounds."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Matrix

from ...backend.interface.view_set import FOV_DEG
from ..base import cameras

RIG = "View Rig"
NOVEL = "image_to_mesh_novel_view"  # custom property of images: azimuth and elevation in words
MARK = "image_to_mesh_view"  # custom property of the rig's cameras: their number
BACKGROUND_PIXELS = 768  # longest side of an image that is laid out for a camera
DISPLAY_SIZE = 0.1


def add_camera(collection: bpy.types.Collection, name: str, fov_deg: float) -> bpy.types.Object:
    """A camera for square images, in a collection."""
    lens = bpy.data.cameras.new(name)
    lens.sensor_fit, lens.display_size = "HORIZONTAL", DISPLAY_SIZE
    lens.lens = cameras.lens_for(fov_deg, lens.sensor_width)
    camera = bpy.data.objects.new(name, lens)
    collection.objects.link(camera)
    return camera


def add_background(camera: bpy.types.Object, image: bpy.types.Image, alpha: float = 1.0):
    """Show an image behind what the camera sees, and return Blender's record of it."""
    background = camera.data.background_images.new()
    background.image, background.alpha = image, alpha
    camera.data.show_background_images = True
    return background


def add_collection(scene: bpy.types.Scene, name: str) -> bpy.types.Collection:
    collection = bpy.data.collections.new(name)
    scene.collection.children.link(collection)
    return collection


def build_rig(scene: bpy.types.Scene, cube: np.ndarray, angles: list[tuple[float, float]]) -> None:
    """Cameras at (azimuth, elevation) in degrees, in a collection of their own. Their parent, an empty, is the cube."""
    collection = add_collection(scene, RIG)
    carrier = bpy.data.objects.new(RIG, None)
    carrier.empty_display_type, carrier.empty_display_size = "CUBE", 0.5
    carrier.matrix_world = Matrix(cube.tolist())
    collection.objects.link(carrier)
    for number, (azimuth, elevation) in enumerate(angles):
        camera = add_camera(collection, f"View {number:02}", FOV_DEG)
        camera.parent, camera[MARK] = carrier, number
        camera.matrix_basis = Matrix(cameras.orbit(azimuth, elevation).tolist())


def of_rig(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    return [ob for ob in scene.objects if ob.type == "CAMERA" and MARK in ob]


def remove_rig(scene: bpy.types.Scene) -> None:
    """Remove the rigs' cameras, what carries them, and their collections if nothing else is in them."""
    rig = of_rig(scene)
    lenses = [camera.data for camera in rig]
    carriers = {camera.parent for camera in rig if camera.parent and camera.parent.type == "EMPTY"}
    collections = {collection for camera in rig for collection in camera.users_collection}
    bpy.data.batch_remove([*rig, *(carrier for carrier in carriers if carrier.name.startswith(RIG))])
    bpy.data.batch_remove([lens for lens in lenses if not lens.users])
    empty = [c for c in collections if c.name.startswith(RIG) and not c.objects and not c.children]
    bpy.data.batch_remove(empty)


def has_image(ob: bpy.types.Object) -> bool:
    """Whether it is a camera with an image behind what it sees."""
    return ob.type == "CAMERA" and any(background.image for background in ob.data.background_images)


def upright(pose: np.ndarray) -> np.ndarray:
    """The pose without the scale that a parent may give it."""
    return cameras.within(pose, np.eye(4))


def field_of_view(lens: bpy.types.Camera, width: int, height: int) -> float:
    """Vertical field of view in degrees of a Blender camera, for an image of this size."""
    return cameras.field_of_view(lens.lens, (lens.sensor_width, lens.sensor_height), lens.sensor_fit, width, height)


def lens_of(lens: bpy.types.Camera, width: int, height: int) -> cameras.Lens:
    """A Blender camera for an image of this size. Blender's shift counts in the side that the sensor lies along."""
    unit = {"HORIZONTAL": width, "VERTICAL": height}.get(lens.sensor_fit, max(width, height))
    return cameras.Lens(field_of_view(lens, width, height), width, height, (lens.shift_x * unit, lens.shift_y * unit))


def intrinsics(lens: bpy.types.Camera, width: int, height: int, render: bpy.types.RenderSettings) -> dict[str, float]:
    """A Blender camera for an image of this size, as the backend reads it. An image with the render's proportions has
    the render's pixels; others are square."""
    sensor, shift = (lens.sensor_width, lens.sensor_height), (lens.shift_x, lens.shift_y)
    is_render = abs(width * render.resolution_y / render.resolution_x - height) < 1
    aspect = render.pixel_aspect_y / render.pixel_aspect_x if is_render else 1.0
    return cameras.intrinsics(lens.lens, sensor, lens.sensor_fit, shift, width, height, aspect)


def background_size(render: bpy.types.RenderSettings) -> tuple[int, int]:
    """Width and height in pixels of a background with the render's proportions."""
    scale = BACKGROUND_PIXELS / max(render.resolution_x, render.resolution_y)
    return max(1, round(render.resolution_x * scale)), max(1, round(render.resolution_y * scale))


def lay_behind(
    camera: bpy.types.Object, image: bpy.types.Image, view: cameras.View, cube: np.ndarray, scene: bpy.types.Scene
) -> None:
    """Show an engine's image of a view behind the camera, where and as large as the object is in what it sees."""
    width, height = background_size(scene.render)
    pixels = np.empty(4 * image.size[0] * image.size[1], np.float32)
    image.pixels.foreach_get(pixels)
    square = pixels.reshape(image.size[1], image.size[0], 4)[::-1]
    laid = cameras.lay_behind(square, view, np.array(camera.matrix_world), cube, lens_of(camera.data, width, height))
    behind = bpy.data.images.new(image.name, width, height, alpha=True)
    behind.pixels.foreach_set(np.ascontiguousarray(laid[::-1]).reshape(-1))
    behind.pack()
    add_background(camera, behind, alpha=0.6)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Run by a Python that has bpy: renders silhouettes of three objects from given views, by Blender's own means.

Arguments: a JSON file, a list of views {azimuth_deg, elevation_deg, radius, fov_deg, width, height}, and the npz to
write: NAME_vertices, NAME_faces of each object and NAME_alpha_I of each view.
"""

import json
import math
import sys
from pathlib import Path

import bpy  # type: ignore[import-not-found]
import numpy as np
from mathutils import Vector  # type: ignore[import-not-found]

L_PROFILE = ((-0.3, -0.35), (0.3, -0.35), (0.3, -0.2), (-0.1, -0.2), (-0.1, 0.4), (-0.3, 0.4))  # x, z; asymmetric


def make_l_shape() -> None:
    front, back = ([(x, y, z) for x, z in L_PROFILE] for y in (-0.1, 0.2))
    count = len(L_PROFILE)
    sides = [(i, (i + 1) % count, (i + 1) % count + count, i + count) for i in range(count)]
    mesh = bpy.data.meshes.new("l")
    mesh.from_pydata(front + back, [], [tuple(range(count)), tuple(range(2 * count - 1, count - 1, -1)), *sides])
    bpy.context.collection.objects.link(bpy.data.objects.new("l", mesh))


def make_objects() -> dict[str, bpy.types.Object]:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.mesh.primitive_monkey_add(size=0.6, location=(0.05, 0, -0.02), rotation=(0.2, 0.3, 0.4))
    bpy.ops.mesh.primitive_cone_add(vertices=48, radius1=0.3, depth=0.6, location=(0.1, -0.05, 0.1))
    make_l_shape()
    return {o.name.lower(): o for o in bpy.context.scene.objects}


def set_up() -> bpy.types.Scene:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False
    scene.cycles.pixel_filter_type = "BOX"
    scene.cycles.filter_width = 0.01  # the middle of the pixel
    scene.render.film_transparent = True
    scene.render.threads_mode, scene.render.threads = "FIXED", 1
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGBA"
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(scene.camera)
    return scene


def place_camera(scene: bpy.types.Scene, view: dict) -> None:
    a, e = math.radians(view["azimuth_deg"]), math.radians(view["elevation_deg"])
    position = view["radius"] * Vector((math.sin(a) * math.cos(e), -math.cos(a) * math.cos(e), math.sin(e)))
    scene.camera.rotation_mode = "QUATERNION"
    scene.camera.location, scene.camera.rotation_quaternion = position, (-position).to_track_quat("-Z", "Y")
    scene.camera.data.sensor_fit = "VERTICAL"
    scene.camera.data.angle = math.radians(view["fov_deg"])
    scene.render.resolution_x, scene.render.resolution_y = view["width"], view["height"]


def read_alpha(path: Path) -> np.ndarray:
    image = bpy.data.images.load(str(path))
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return pixels.reshape(height, width, 4)[::-1, :, 3] > 0.5  # Blender's first row is the lowest


def main(views_file: str, output: str) -> None:
    views = json.loads(Path(views_file).read_text())
    objects = make_objects()
    scene = set_up()
    picture = Path(output).with_suffix(".png")
    scene.render.filepath = str(picture)
    arrays = {}
    for name, thing in objects.items():
        bpy.context.view_layer.update()
        mesh = thing.data
        mesh.calc_loop_triangles()
        arrays[f"{name}_vertices"] = np.array([thing.matrix_world @ v.co for v in mesh.vertices], np.float32)
        arrays[f"{name}_faces"] = np.array([t.vertices for t in mesh.loop_triangles], np.int32)
        for other in objects.values():
            other.hide_render = other is not thing
        for i, view in enumerate(views):
            place_camera(scene, view)
            bpy.ops.render.render(write_still=True)
            arrays[f"{name}_alpha_{i}"] = read_alpha(picture)
    np.savez_compressed(output, **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])

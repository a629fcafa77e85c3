# SPDX-License-Identifier: GPL-3.0-or-later
"""Photograph-like pictures of the eight objects of demo/meshes that no starter was trained on.

`PYTHON demo/photographs.py FOLDER`, PYTHON being one that has bpy (`python build.py blender` says where). Each object
stands on a wooden table before a wall, lit by a window and a lamp, and is rendered by Cycles with grain; file, side and
table follow from the object's place in the list, not from looks.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

MESHES = Path(__file__).resolve().parent / "meshes"
PIXELS, SAMPLES = 768, 24
GRAIN = 0.012  # standard deviation of the noise
TABLES = ((0.30, 0.17, 0.08), (0.55, 0.42, 0.30), (0.16, 0.10, 0.07))  # linear colours of the wood
WALLS = ((0.62, 0.60, 0.55), (0.35, 0.42, 0.45), (0.55, 0.45, 0.38))
OBJECTS_PER_VALIDATION = 20  # as in backend/training/meshes.py, which bpy's Python cannot import


def candidates() -> list[tuple[str, Path]]:
    """Name and file of the objects of the validation split, by name."""
    records = json.loads((MESHES / "index.json").read_text("utf-8"))
    unseen = [r for r in records if int(hashlib.sha256(r["id"].encode()).hexdigest(), 16) % OBJECTS_PER_VALIDATION == 0]
    return sorted((r["id"], MESHES / r["file"]) for r in unseen)


def add_object(path: Path) -> bpy.types.Object:
    """The mesh with its colours, standing on the table's top, which is at height zero."""
    with np.load(path, allow_pickle=False) as file:
        vertices, faces, colors = file["vertices"], file["faces"], file["face_colors"]
    vertices = vertices - [0, 0, vertices[:, 2].min()]
    mesh = bpy.data.meshes.new("object")
    mesh.from_pydata(vertices.tolist(), [], faces.tolist())
    rgba = np.concatenate([colors.reshape(-1, 3) / 255, np.ones((colors.shape[0] * 3, 1))], 1)
    layer = mesh.color_attributes.new("Color", "BYTE_COLOR", "CORNER")
    layer.data.foreach_set("color_srgb", rgba.reshape(-1).astype(np.float32))
    mesh.materials.append(material("object", None, 0.45))
    made = bpy.data.objects.new("object", mesh)
    bpy.context.scene.collection.objects.link(made)
    return made


def material(name: str, color: tuple[float, float, float] | None, roughness: float) -> bpy.types.Material:
    """A glossy plastic of one colour, or of the vertex colours."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    nodes, links = made.node_tree.nodes, made.node_tree.links
    surface = nodes["Principled BSDF"]
    surface.inputs["Roughness"].default_value = roughness
    if color is None:
        source = nodes.new("ShaderNodeVertexColor")
        source.layer_name = "Color"
        links.new(source.outputs["Color"], surface.inputs["Base Color"])
    else:
        surface.inputs["Base Color"].default_value = (*color, 1)
    return made


def wood(color: tuple[float, float, float]) -> bpy.types.Material:
    """Wood whose rings are distorted bands."""
    made = material("wood", color, 0.35)
    nodes, links = made.node_tree.nodes, made.node_tree.links
    place, along, rings, ramp = (
        nodes.new(f"ShaderNode{kind}") for kind in ("TexCoord", "Mapping", "TexWave", "ValToRGB")
    )
    along.inputs["Scale"].default_value = (0.35, 2.5, 1)
    rings.bands_direction = "Y"
    rings.inputs["Scale"].default_value = 1.2
    rings.inputs["Distortion"].default_value = 9
    rings.inputs["Detail"].default_value = 5
    for element, factor in zip(ramp.color_ramp.elements, (0.75, 1.15), strict=True):
        element.color = (*(min(1, c * factor) for c in color), 1)
    links.new(place.outputs["Object"], along.inputs["Vector"])
    links.new(along.outputs["Vector"], rings.inputs["Vector"])
    links.new(rings.outputs["Color"], ramp.inputs["Fac"])
    links.new(ramp.outputs["Color"], nodes["Principled BSDF"].inputs["Base Color"])
    return made


def add_plane(name: str, size: float, location: tuple[float, float, float], tilt: float, look) -> None:
    bpy.ops.mesh.primitive_plane_add(size=size, location=location, rotation=(tilt, 0, 0))
    bpy.context.object.name = name
    bpy.context.object.data.materials.append(look)


def add_lamp(name: str, position: Vector, target: Vector, size: float, watts: float, color) -> None:
    data = bpy.data.lights.new(name, "AREA")
    data.size, data.energy, data.color = size, watts, color
    made = bpy.data.objects.new(name, data)
    made.location, made.rotation_euler = position, (target - position).to_track_quat("-Z", "Y").to_euler()
    bpy.context.scene.collection.objects.link(made)


def set_up(number: int, path: Path) -> None:
    """The scene with the object of this number."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene, made = bpy.context.scene, add_object(path)
    azimuth, elevation = math.radians((137.5 * number) % 360), math.radians(12 + 7 * (number % 3))
    made.rotation_euler = (0, 0, -azimuth)
    middle = Vector((0, 0, made.dimensions.z / 2))
    add_plane("table", 6, (0, 0.6, 0), 0, wood(TABLES[number % len(TABLES)]))
    add_plane("wall", 12, (0, 2.6, 2), math.pi / 2, material("wall", WALLS[number % len(WALLS)], 0.9))
    add_lamp("window", Vector((-2.2, -0.8, 1.9)), middle, 1.4, 70, (0.93, 0.97, 1.0))
    add_lamp("lamp", Vector((1.6, 1.0, 1.8)), middle, 0.4, 14, (1.0, 0.83, 0.63))
    scene.world = bpy.data.worlds.new("room")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0.25
    data = bpy.data.cameras.new("camera")
    data.lens, data.dof.use_dof, data.dof.aperture_fstop = 60, True, 4
    data.dof.focus_distance = 2.3
    camera = scene.camera = bpy.data.objects.new("camera", data)
    camera.location = middle + 2.3 * Vector((0, -math.cos(elevation), math.sin(elevation)))
    camera.rotation_euler = (middle - camera.location).to_track_quat("-Z", "Y").to_euler()
    scene.collection.objects.link(camera)
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = SAMPLES, True
    scene.render.resolution_x = scene.render.resolution_y = PIXELS
    scene.view_settings.view_transform, scene.view_settings.exposure = "Standard", 0.6


def add_grain(path: Path, output: Path) -> None:
    """A render as a JPEG with a sensor's noise."""
    image = bpy.data.images.load(str(path))
    pixels = np.empty(PIXELS * PIXELS * 4, np.float32)
    image.pixels.foreach_get(pixels)
    noise = np.random.default_rng(0).normal(scale=GRAIN, size=(PIXELS * PIXELS, 3))
    rgba = pixels.reshape(-1, 4)
    rgba[:, :3] = (rgba[:, :3] + noise).clip(0, 1)
    image.pixels.foreach_set(rgba.reshape(-1))
    image.file_format = "JPEG"
    image.save(filepath=str(output), quality=92)
    bpy.data.images.remove(image)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, path) in enumerate(candidates()):
        set_up(number, path)
        rendered, output = folder / f"{name}.png", folder / f"{name}.jpg"
        bpy.context.scene.render.filepath = str(rendered)
        bpy.ops.render.render(write_still=True)
        add_grain(rendered, output)
        rendered.unlink()
        print(output, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[-1]))

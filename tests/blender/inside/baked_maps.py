# SPDX-License-Identifier: GPL-3.0-or-later
"""Textures and normal maps baked in Blender, against colours and normals of closed form, and against renders."""

import json

import bpy
import numpy as np
from finishing import only, places
from refining import positions, stand_in, traits
from stage import RESOURCES, module, raises, settings

KINDS = "objects", "meshes", "materials", "images", "scenes", "cameras", "worlds"
SIDE = 48  # of the pictures


def counts():
    return {kind: len(getattr(bpy.data, kind)) for kind in KINDS}


def pixels(image):
    width, height = image.size
    return np.array(image.pixels[:]).reshape(height, width, 4)


def node_of(ob, kind):
    return next((node for node in ob.material_slots[0].material.node_tree.nodes if node.type == kind), None)


def sheet(count, height):
    """A sheet [-1, 1]^2 of count x count vertices at z = height(x, y), smooth."""
    x, y = np.meshgrid(np.linspace(-1, 1, count), np.linspace(-1, 1, count))
    number = np.arange(count * count).reshape(count, count)
    faces = np.stack([number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]], -1).reshape(-1, 4)
    mesh = bpy.data.meshes.new("Sheet")
    mesh.from_pydata(np.stack([x, y, height(x, y)], -1).reshape(-1, 3).tolist(), [], faces.tolist())
    mesh.shade_smooth()
    ob = bpy.data.objects.new("Sheet", mesh)
    bpy.context.collection.objects.link(ob)
    only(ob)
    bpy.context.view_layer.objects.active = ob
    return ob


def render(ob, name):
    """sRGB (SIDE, SIDE, 3) of the object alone, lit from its side."""
    scene = bpy.context.scene
    if "Eye" not in bpy.data.objects:
        eye = bpy.data.objects.new("Eye", bpy.data.cameras.new("Eye"))
        eye.data.type, eye.data.ortho_scale, eye.location = "ORTHO", 2.2, (0, 0, 5)
        sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
        sun.rotation_euler, sun.data.energy = (0.9, 0, 0.6), 3
        for other in (eye, sun):
            scene.collection.objects.link(other)
        scene.camera = eye
    for other in bpy.data.objects:
        other.hide_render = other.name not in (ob.name, "Eye", "Sun")
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 8, False
    scene.view_settings.view_transform, scene.render.resolution_percentage = "Standard", 100
    scene.render.resolution_x = scene.render.resolution_y = SIDE
    scene.render.filepath = str(RESOURCES / name)
    bpy.ops.render.render(write_still=True)
    return pixels(bpy.data.images.load(scene.render.filepath))[..., :3]


def check_a_normal_map_shows_the_slopes_of_a_wave():
    """z = a sin(5 x) sin(4 y) over a flat sheet: the normal is (-dz/dx, -dz/dy, 1), and the UV map's axes are x, y."""
    bpy.ops.wm.read_homefile()
    dense = sheet(161, lambda x, y: 0.05 * np.sin(5 * x) * np.sin(4 * y))
    flat = sheet(3, lambda x, y: 0 * x)
    uv = flat.data.uv_layers.new(name="Mine").uv
    corner = np.empty(len(flat.data.loops), np.int32)
    flat.data.loops.foreach_get("vertex_index", corner)
    uv.foreach_set("vector", (positions(flat.data)[corner, :2] / 2 + 0.5).astype(np.float32).reshape(-1))
    settings().finish.map_size = "512"
    raises(bpy.ops.image_to_mesh.bake_normal_map, "No denser mesh", "Select it too")
    dense.select_set(True)
    flat.scale = dense.scale = (3, 3, 3)
    bpy.context.view_layer.update()
    before, scene = counts(), bpy.context.window.scene
    assert bpy.ops.image_to_mesh.bake_normal_map() == {"FINISHED"}
    assert bpy.context.window.scene == scene and scene.render.engine != "CYCLES" and bpy.context.object == flat
    added = {kind: counts()[kind] - before[kind] for kind in KINDS if counts()[kind] != before[kind]}
    assert added == {"meshes": 1, "materials": 1, "images": 1}, added
    image = node_of(flat, "TEX_IMAGE").image
    assert image.colorspace_settings.name == "Non-Color" and image.packed_file and tuple(image.size) == (512, 512)
    bend = node_of(flat, "NORMAL_MAP")
    assert bend.space == "TANGENT" and bend.outputs[0].links[0].to_socket.name == "Normal"
    x, y = np.meshgrid(*2 * [(np.arange(512) + 0.5) / 256 - 1])
    slopes = [0.25 * np.cos(5 * x) * np.sin(4 * y), 0.2 * np.sin(5 * x) * np.cos(4 * y)]
    true = np.stack([-slopes[0], -slopes[1], np.ones_like(x)], -1)
    true /= np.linalg.norm(true, axis=-1, keepdims=True)
    found = pixels(image)[..., :3] * 2 - 1
    assert np.abs(found - true).mean() < 0.006 and np.abs(found - true)[4:-4, 4:-4].max() < 0.03


def lumpy(subdivisions):
    bpy.ops.wm.read_homefile()
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=subdivisions)
    ob, maker = bpy.context.object, module("addon.scene.mesh_import")
    for layer in list(ob.data.uv_layers):
        ob.data.uv_layers.remove(layer)
    points = places(ob.data)
    radius = 0.9 * (1 + 0.03 * np.sin(11 * points[:, 0]) * np.sin(12 * points[:, 1]) * np.sin(10 * points[:, 2] + 1))
    ob.data.vertices.foreach_set("co", (points * radius[:, None]).astype(np.float32).reshape(-1))
    ob.data.shade_smooth()
    colors = np.full((len(points), 4), 255)
    colors[:, :3] = 128 + 100 * np.sin(points @ np.array([[4.0, 1, 0], [0, 5, 2], [1, 0, 3]]))
    maker.add_colors(ob.data, colors.astype(np.uint8))
    ob.data.materials.append(maker.build_material("Lumpy", colors))
    return ob


def check_a_decimated_mesh_looks_like_the_dense_one_with_its_maps():
    """The texture first, whose colours are the dense mesh's too."""
    ob = lumpy(6)
    dense = render(ob, "dense.png")
    settings().finish.faces, settings().finish.map_size = 1200, "512"
    only(ob)
    bpy.ops.image_to_mesh.decimate()
    pictures = [render(ob, "coarse.png")]
    assert bpy.ops.image_to_mesh.bake_texture() == {"FINISHED"}
    pictures.append(render(ob, "colored.png"))
    assert bpy.ops.image_to_mesh.bake_normal_map() == {"FINISHED"}
    pictures.append(render(ob, "bent.png"))
    seen = dense.max(-1) > 0
    coarse, colored, bent = (np.abs(picture - dense)[seen].mean() for picture in pictures)
    assert bent < 0.4 * colored and bent < 0.4 * coarse, (coarse, colored, bent)
    base = node_of(ob, "BSDF_PRINCIPLED").inputs["Base Color"].links[0].from_node
    assert base.image.name == f"{ob.name} Texture" and node_of(ob, "NORMAL_MAP") and len(ob.data.polygons) <= 1200
    names = [version.name for version in bpy.context.scene.image_to_mesh_versions]
    assert names[2:] == [f"{ob.name}, texture", f"{ob.name}, normal map"]


def check_exported_files_have_both_maps():
    """glTF as its specification says; FBX and USD through Blender's importers, which are other code than exporters."""
    ob = bpy.context.object
    texture = pixels(node_of(ob, "BSDF_PRINCIPLED").inputs["Base Color"].links[0].from_node.image)
    path = RESOURCES / "maps.glb"
    bpy.ops.export_scene.gltf(filepath=str(path), use_selection=True)
    data = path.read_bytes()
    tree = json.loads(data[20 : 20 + int.from_bytes(data[12:16], "little")])
    [material] = tree["materials"]
    assert "baseColorTexture" in material["pbrMetallicRoughness"] and "normalTexture" in material
    assert len(tree["images"]) == 2 and "TEXCOORD_0" in tree["meshes"][0]["primitives"][0]["attributes"]
    for ending, write, read in (
        ("fbx", bpy.ops.export_scene.fbx, bpy.ops.import_scene.fbx),
        ("usdc", bpy.ops.wm.usd_export, bpy.ops.wm.usd_import),
    ):
        only(ob)
        path = str(RESOURCES / f"maps.{ending}")
        if ending == "fbx":
            write(filepath=path, use_selection=True, path_mode="COPY", embed_textures=True)
        else:
            write(filepath=path, selected_objects_only=True)
        before = set(bpy.data.objects)
        read(filepath=path)
        [back] = [new for new in set(bpy.data.objects) - before if new.type == "MESH"]
        surface = next(n for n in back.data.materials[0].node_tree.nodes if n.type == "BSDF_PRINCIPLED")
        image = surface.inputs["Base Color"].links[0].from_node.image
        assert np.abs(pixels(image) - texture)[..., :3].mean() < 0.005, ending
        assert surface.inputs["Normal"].links[0].from_node.type == "NORMAL_MAP" and back.data.uv_layers, ending


def check_a_texture_looks_as_the_vertex_colors_do():
    ob = lumpy(5)
    only(ob)
    before = render(ob, "colors.png")
    settings().finish.map_size = "1024"
    assert bpy.ops.image_to_mesh.bake_texture() == {"FINISHED"}
    assert not node_of(ob, "NORMAL_MAP")
    surface = node_of(ob, "BSDF_PRINCIPLED")
    image = surface.inputs["Base Color"].links[0].from_node.image
    assert image.colorspace_settings.name == "sRGB" and image.packed_file and tuple(image.size) == (1024, 1024)
    [layer] = ob.data.uv_layers
    uv = np.empty(2 * len(ob.data.loops), np.float32)
    layer.uv.foreach_get("vector", uv)
    assert uv.min() >= 0 and uv.max() <= 1 and layer.name == "UVMap"
    after = render(ob, "texture.png")
    assert np.abs(after - before)[before.max(-1) > 0].mean() < 0.005  # the issue asks for 0.02
    assert not ob.data.validate()


def check_only_the_mesh_of_the_object_gets_the_texture():
    """Not of another object with the same data, of the artist's version of it, or of its material elsewhere."""
    ob = stand_in()
    only(ob)
    twin = bpy.data.objects.new("Twin", ob.data)
    bpy.context.collection.objects.link(twin)
    ob.material_slots[0].link = "OBJECT"
    ob.material_slots[0].material = own = bpy.data.materials.new("Own")
    module("addon.base.compat").enable_nodes(own)
    old, places_before = ob.data, positions(ob.data)
    before = traits(ob)
    assert bpy.ops.image_to_mesh.bake_texture() == {"FINISHED"}
    after = traits(ob)
    assert after.pop("materials") != before.pop("materials") and after == before
    assert (positions(ob.data) == places_before).all() and twin.data == old != ob.data
    assert old.materials[0].name == "Mine" and node_of(ob, "TEX_IMAGE") and not own.node_tree.nodes.get("Image Texture")
    color = pixels(node_of(ob, "TEX_IMAGE").image)[..., :3]
    assert (np.abs(color - 0.906).max(-1) < 0.01).mean() > 0.9  # of the Principled BSDF's base colour 0.8 as sRGB


def check_what_cannot_be_baked_says_why_and_leaves_nothing():
    bpy.ops.wm.read_homefile()
    cube = bpy.data.objects["Cube"]
    cube.data.materials.clear()
    before = counts()
    raises(bpy.ops.image_to_mesh.bake_texture, "neither colours")
    material = bpy.data.materials.new("Glow")
    module("addon.base.compat").enable_nodes(material)
    material.node_tree.nodes.clear()
    cube.data.materials.append(material)
    raises(bpy.ops.image_to_mesh.bake_texture, "Glow", "Principled")
    before["materials"] += 1
    assert counts() == before and not cube.data.uv_layers[1:]
    bpy.context.view_layer.objects.active = bpy.data.objects["Light"]
    assert not bpy.ops.image_to_mesh.bake_texture.poll()

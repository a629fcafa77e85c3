# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh with a texture: UV map, packed image, material, a picture of it, the saved file, glTF."""

import json

import bpy
import numpy as np
from stage import RESOURCES, choose, made, use_double

SIZE = 64  # of the pictures


def check_a_texture_comes_with_its_uv_map_and_is_packed():
    bpy.ops.wm.read_homefile()
    use_double()
    choose("sheet")
    bpy.ops.image_to_mesh.generate(wait=True)
    [ob] = made()
    mesh, [material] = ob.data, ob.data.materials
    assert not mesh.validate(verbose=True), "Blender had to correct the mesh"
    [layer] = mesh.uv_layers
    assert layer.name == "UVMap" and layer.active and layer.active_render
    uv, corner = np.empty(len(mesh.loops) * 2, np.float32), np.empty(len(mesh.loops), np.int32)
    layer.uv.foreach_get("vector", uv)
    mesh.loops.foreach_get("vertex_index", corner)
    places = np.array([v.co[:2] for v in mesh.vertices])[corner]
    np.testing.assert_allclose(uv.reshape(-1, 2), places + 0.5, atol=1e-6)
    surface = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    [link] = surface.inputs["Base Color"].links
    image = link.from_node.image
    assert image.packed_file and tuple(image.size) == (64, 64) and image.colorspace_settings.name == "sRGB"
    assert image.name == f"{ob.name} Texture" and not image.filepath


def check_it_looks_as_the_vertex_colors_do():
    """Under a white sky, from above; both pictures as numbers of the display."""
    [ob] = made()
    texture = render(ob, "texture.png")
    surface = next(n for n in ob.data.materials[0].node_tree.nodes if n.type == "BSDF_PRINCIPLED")
    tree = ob.data.materials[0].node_tree
    before = surface.inputs["Base Color"].links[0].from_socket
    colors = tree.nodes.new("ShaderNodeVertexColor")
    colors.layer_name = "Color"
    tree.links.new(colors.outputs["Color"], surface.inputs["Base Color"])
    vertex = render(ob, "colors.png")
    tree.links.new(before, surface.inputs["Base Color"])
    tree.nodes.remove(colors)
    assert np.ptp(texture[..., 0]) > 0.5 and np.ptp(texture[..., 1]) > 0.2
    assert np.abs(texture - vertex).mean() < 0.02


def render(ob, name):
    """RGB (SIZE, SIZE, 3) of the sheet alone, seen from above."""
    scene = bpy.context.scene
    camera = scene.camera
    if camera is None or camera.name != "Above":
        camera = scene.camera = bpy.data.objects.new("Above", bpy.data.cameras.new("Above"))
        camera.data.type, camera.data.ortho_scale, camera.location = "ORTHO", 1.0, (0, 0, 3)
        scene.collection.objects.link(camera)
    ob.location = (0, 0, 0)
    for other in bpy.data.objects:
        other.hide_render = other not in (ob, camera)
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (1, 1, 1, 1)
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 4, False
    scene.view_settings.view_transform = "Standard"
    scene.render.resolution_x = scene.render.resolution_y = SIZE
    scene.render.filepath = str(RESOURCES / name)
    bpy.ops.render.render(write_still=True)
    return np.array(bpy.data.images.load(scene.render.filepath).pixels[:]).reshape(SIZE, SIZE, 4)[..., :3]


def check_gltf_takes_the_texture_along():
    [ob] = made()
    for other in bpy.data.objects:
        other.select_set(other == ob)
    path = RESOURCES / "sheet.glb"
    bpy.ops.export_scene.gltf(filepath=str(path), use_selection=True)
    data = path.read_bytes()
    tree = json.loads(data[20 : 20 + int.from_bytes(data[12:16], "little")])
    [primitive] = tree["meshes"][0]["primitives"]
    assert "TEXCOORD_0" in primitive["attributes"] and tree["images"][0]["mimeType"] == "image/png"
    assert "baseColorTexture" in tree["materials"][primitive["material"]]["pbrMetallicRoughness"]


def check_the_texture_is_saved_with_the_file():
    path = str(RESOURCES / "textured.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    [ob] = made()
    nodes = ob.data.materials[0].node_tree.nodes
    [image] = [node.image for node in nodes if node.type == "TEX_IMAGE"]
    pixels = np.array(image.pixels[:]).reshape(64, 64, 4)
    assert image.packed_file and np.ptp(pixels[..., 0]) > 0.5 and (pixels[..., 3] == 1).all()
    bpy.ops.wm.read_homefile()
    use_double()

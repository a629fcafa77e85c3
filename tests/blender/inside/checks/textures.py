# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh that comes with a texture: UV map, packed image, material, its render, the saved file, glTF."""

import json

import bpy
import numpy as np
from renders import pixels_of, render
from stage import RESOURCES, extension, generate, select, settings

ABOVE = (0, 0, 3), (0, 0, 0)
WHITE = (1, 1, 1, 1)


def base_color(ob):
    """The base colour's socket of the object's material."""
    tree = ob.data.materials[0].node_tree
    return next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED").inputs["Base Color"]


def check_a_texture_comes_with_its_uv_map_and_is_packed():
    ob = generate("sheet")
    assert extension.made() == [ob] and len(ob.data.materials) == 1
    mesh = ob.data
    assert not mesh.validate(verbose=True), "Blender had to correct the mesh"
    [layer] = mesh.uv_layers
    assert layer.name == "UVMap" and layer.active and layer.active_render
    uv, corner = np.empty(len(mesh.loops) * 2, np.float32), np.empty(len(mesh.loops), np.int32)
    layer.uv.foreach_get("vector", uv)
    mesh.loops.foreach_get("vertex_index", corner)
    places = np.array([v.co[:2] for v in mesh.vertices])[corner]
    np.testing.assert_allclose(uv.reshape(-1, 2), places + 0.5, atol=1e-6)
    [link] = base_color(ob).links
    image = link.from_node.image
    assert image.packed_file and tuple(image.size) == (64, 64) and image.colorspace_settings.name == "sRGB"
    assert image.name == f"{ob.name} Texture" and not image.filepath


def check_the_texture_looks_as_the_vertex_colors_do():
    """Under a white sky, from above; both pictures as numbers of the display."""
    settings().placement.place = "CURSOR"
    ob = generate("sheet")
    ob.location = (0, 0, 0)
    texture = render(ob, seen_from=ABOVE, span=1.0, size=(64, 64), sky=WHITE)
    tree = ob.data.materials[0].node_tree
    colors = tree.nodes.new("ShaderNodeVertexColor")
    colors.layer_name = "Color"
    tree.links.new(colors.outputs["Color"], base_color(ob))
    vertex = render(ob, seen_from=ABOVE, span=1.0, size=(64, 64), sky=WHITE)
    assert np.ptp(texture[..., 0]) > 0.5 and np.ptp(texture[..., 1]) > 0.2
    assert np.abs(texture - vertex)[..., :3].mean() < 0.02


def check_gltf_takes_the_texture_along():
    select(generate("sheet"))
    path = RESOURCES / "sheet.glb"
    bpy.ops.export_scene.gltf(filepath=str(path), use_selection=True)
    data = path.read_bytes()
    tree = json.loads(data[20 : 20 + int.from_bytes(data[12:16], "little")])
    [primitive] = tree["meshes"][0]["primitives"]
    assert "TEXCOORD_0" in primitive["attributes"] and tree["images"][0]["mimeType"] == "image/png"
    assert "baseColorTexture" in tree["materials"][primitive["material"]]["pbrMetallicRoughness"]


def check_the_texture_is_saved_with_the_file():
    generate("sheet")
    path = str(RESOURCES / "textured.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    [ob] = extension.made()
    nodes = ob.data.materials[0].node_tree.nodes
    [image] = [node.image for node in nodes if node.type == "TEX_IMAGE"]
    pixels = pixels_of(image)
    assert pixels.shape == (64, 64, 4) and image.packed_file
    assert np.ptp(pixels[..., 0]) > 0.5 and (pixels[..., 3] == 1).all()

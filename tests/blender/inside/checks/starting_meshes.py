# SPDX-License-Identifier: GPL-3.0-or-later
"""The artist's mesh as the start of an optimisation."""

import math

import bpy
import numpy as np
from stage import activate, choose, extension, settings


def sent():
    """(vertices, faces, colors) that would be sent now; None for no mesh."""
    data = extension.mesh_export.read(bpy.context)()
    if not data:
        return None
    mesh = extension.arrays.decode_mesh(data["mesh"])
    return mesh.vertices, mesh.faces, mesh.colors


def volume(vertices, faces):
    a, b, c = vertices[faces].astype(float).transpose(1, 0, 2)
    return (a * np.cross(b, c)).sum() / 6


def active_cube():
    """The scene's cube of 2 metres, active, and an engine that starts from it."""
    choose("mesh")
    settings().engine, settings().zero123_sds.start = "ZERO123_SDS", "MESH"
    activate(bpy.data.objects["Cube"])
    return bpy.data.objects["Cube"]


def check_the_active_mesh_is_sent_as_it_stands():
    """A box of 2 x 4 x 6, mirrored and turned by 90 degrees about Z: 4 x 2 x 6, and its outside stays outside."""
    cube = active_cube()
    cube.location, cube.scale, cube.rotation_euler = (5, 6, 7), (-1, 2, 3), (0, 0, math.pi / 2)
    bpy.context.view_layer.update()
    vertices, faces, colors = sent()
    assert np.allclose(vertices.max(0), (2, 1, 3), atol=1e-5) and np.allclose(vertices.min(0), (-2, -1, -3), atol=1e-5)
    assert len(faces) == 12 and abs(volume(vertices, faces) - 48) < 1e-3
    assert (colors == [128, 128, 128, 255]).all()


def check_no_mesh_is_sent_to_an_engine_that_takes_none():
    active_cube()
    settings().engine = "ONE2345"
    assert sent() is None


def check_modifiers_and_colors_of_corners_count():
    cube = active_cube()
    attribute = cube.data.color_attributes.new("Paint", "BYTE_COLOR", "CORNER")
    cube.data.attributes.active_color_name = "Paint"
    places = [cube.data.vertices[loop.vertex_index].co for loop in cube.data.loops]
    for element, co in zip(attribute.data, places, strict=True):
        element.color_srgb = (0.8 if co.x > 0 else 0.2, 0.5, 0.1, 0.3)
    cube.modifiers.new("Two", "ARRAY")
    bpy.context.view_layer.update()
    vertices, faces, colors = sent()
    assert len(faces) == 24 and abs(np.ptp(vertices[:, 0]) - 4) < 1e-5
    assert (colors[:8, 0] == np.where(vertices[:8, 0] > 0, 204, 51)).all() and (colors[:, 1:] == [128, 26, 255]).all()


def triangle_colors():
    """The sent triangles' normals, and the one colour of each."""
    vertices, faces, colors = sent()
    seen = colors[faces][..., :3].astype(int)
    assert (seen == seen[:, :1]).all()
    a, b, c = vertices[faces].transpose(1, 0, 2)
    return np.cross(b - a, c - a).round().astype(int), seen[:, 0]


def check_materials_give_faces_their_colors():
    """A half of linear light is 188 in sRGB (IEC 61966-2-1, by hand); a material that nobody colored stays grey."""
    cube = active_cube()
    cube.data.materials.clear()
    for color in ((0.5, 0, 1, 1), None):
        material = bpy.data.materials.new("Paint")
        extension.compat.enable_nodes(material)
        if color:
            material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = color
        cube.data.materials.append(material)
    for polygon in cube.data.polygons:
        polygon.material_index = int(polygon.normal.z < 0.5)
    bpy.context.view_layer.update()
    normals, seen = triangle_colors()
    assert len(seen) == 12 and len(sent()[0]) == 12  # the four corners of the top are there twice
    assert (seen[normals[:, 2] > 0] == [188, 0, 255]).all() and (seen[normals[:, 2] <= 0] == 128).all()


def check_textures_and_corners_give_faces_their_colors():
    """Faces above and below show one half of an image each, whose first row is at the bottom."""
    cube = active_cube()
    image = bpy.data.images.new("Two", 1, 2)
    image.pixels.foreach_set(np.array([[200, 0, 0, 255], [0, 100, 50, 255]], np.float32).reshape(-1) / 255)
    material = cube.data.materials[0]
    nodes, links = material.node_tree.nodes, material.node_tree.links
    texture = nodes.new("ShaderNodeTexImage")
    texture.image = image
    links.new(texture.outputs["Color"], nodes["Principled BSDF"].inputs["Base Color"])
    for polygon in cube.data.polygons:
        for loop in polygon.loop_indices:
            cube.data.uv_layers.active.uv[loop].vector = (0.5, 0.75 if polygon.normal.z > 0.5 else 0.25)
    bpy.context.view_layer.update()
    normals, seen = triangle_colors()
    assert (seen[normals[:, 2] > 0] == [0, 100, 50]).all() and (seen[normals[:, 2] <= 0] == [200, 0, 0]).all()
    attribute = cube.data.color_attributes.new("Paint", "BYTE_COLOR", "CORNER")
    for polygon in cube.data.polygons:
        for loop in polygon.loop_indices:
            attribute.data[loop].color_srgb = (1, 0.6, 0, 1) if polygon.normal.x > 0.5 else (0, 0, 0.2, 1)
    cube.data.attributes.active_color_name = "Paint"
    bpy.context.view_layer.update()
    normals, seen = triangle_colors()
    assert (seen[normals[:, 0] > 0] == [255, 153, 0]).all() and (seen[normals[:, 0] <= 0] == [0, 0, 51]).all()


def check_a_mesh_that_was_made_here_is_sent_in_its_own_frame():
    cube = active_cube()
    cube.scale, cube["image_to_mesh_recipe"] = (9, 9, 9), "{}"
    bpy.context.view_layer.update()
    assert np.abs(sent()[0]).max() == 1


def check_the_button_says_that_a_mesh_has_to_be_active():
    active_cube()
    activate(bpy.data.objects["Camera"])
    assert not bpy.ops.image_to_mesh.generate.poll()
    assert "Select the mesh" in extension.mesh_export.missing(bpy.context)
    settings().zero123_sds.start = "FAST"
    assert bpy.ops.image_to_mesh.generate.poll() and sent() is None

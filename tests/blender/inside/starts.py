# SPDX-License-Identifier: GPL-3.0-or-later
"""The artist's mesh as what an engine starts from."""

import math

import bpy
import numpy as np
from stage import choose, module, settings, use_double


def sent():
    """What would be sent now: vertices, faces, colours; None for nothing."""
    data = module("addon.scene.mesh_export").read(bpy.context)()
    if not data:
        return None
    mesh = module("addon.base.arrays").decode_mesh(data["mesh"])
    return mesh.vertices, mesh.faces, mesh.colors


def volume(vertices, faces):
    a, b, c = vertices[faces].astype(float).transpose(1, 0, 2)
    return (a * np.cross(b, c)).sum() / 6


def make_active(ob):
    bpy.context.view_layer.objects.active = ob


def ask_for_a_mesh():
    settings().engine, settings().zero123_sds.start = "ZERO123_SDS", "MESH"


def check_the_active_mesh_is_sent_as_it_stands():
    """A box of 2 x 4 x 6, mirrored and turned by 90 degrees about Z: 4 x 2 x 6, and its outside stays outside."""
    bpy.ops.wm.read_homefile()
    use_double()
    choose("mesh")
    cube = bpy.data.objects["Cube"]
    cube.location, cube.scale, cube.rotation_euler = (5, 6, 7), (-1, 2, 3), (0, 0, math.pi / 2)
    bpy.context.view_layer.update()
    make_active(cube)
    assert sent() is None, "one2345 starts from nothing"
    ask_for_a_mesh()
    vertices, faces, colors = sent()
    assert np.allclose(vertices.max(0), (2, 1, 3), atol=1e-5) and np.allclose(vertices.min(0), (-2, -1, -3), atol=1e-5)
    assert len(faces) == 12 and abs(volume(vertices, faces) - 48) < 1e-3
    assert (colors == [128, 128, 128, 255]).all()


def check_modifiers_and_colors_of_corners_count():
    cube = bpy.data.objects["Cube"]
    attribute = cube.data.color_attributes.new("Paint", "BYTE_COLOR", "CORNER")
    cube.data.attributes.active_color_name = "Paint"
    place = [cube.data.vertices[loop.vertex_index].co for loop in cube.data.loops]
    for element, co in zip(attribute.data, place, strict=True):
        element.color_srgb = (0.8 if co.x > 0 else 0.2, 0.5, 0.1, 0.3)
    cube.modifiers.new("Two", "ARRAY")
    cube.scale, cube.rotation_euler = (1, 1, 1), (0, 0, 0)
    bpy.context.view_layer.update()
    vertices, faces, colors = sent()
    assert len(faces) == 24 and abs(np.ptp(vertices[:, 0]) - 4) < 1e-5
    assert (colors[:8, 0] == np.where(vertices[:8, 0] > 0, 204, 51)).all() and (colors[:, 1:] == [128, 26, 255]).all()


def check_what_was_made_here_is_taken_as_it_came():
    cube = bpy.data.objects["Cube"]
    cube.modifiers.clear()
    cube.scale, cube["image_to_mesh_recipe"] = (9, 9, 9), "{}"
    bpy.context.view_layer.update()
    assert np.abs(sent()[0]).max() == 1


def check_the_button_says_that_a_mesh_has_to_be_active():
    make_active(bpy.data.objects["Camera"])
    assert not bpy.ops.image_to_mesh.generate.poll()
    assert "active object" in module("addon.scene.mesh_export").missing(bpy.context)
    settings().zero123_sds.start = "FAST"
    assert bpy.ops.image_to_mesh.generate.poll() and sent() is None
    settings().engine = "ONE2345"

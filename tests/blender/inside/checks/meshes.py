# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh in the scene: place, colours, recipe, name, undo, size."""

import json

import bpy
import numpy as np
from renders import render
from stage import choose, extension, generate, settings


def check_a_mesh_stands_at_the_cursor_with_its_colors():
    bpy.context.scene.cursor.location = (1, 2, 3)
    generate("background views mesh")
    [ob] = extension.made()
    assert ob.name == "Apple" and tuple(ob.location) == (1, 2, 3) and tuple(ob.rotation_euler) == (0, 0, 0)
    assert bpy.context.object == ob and bpy.context.selected_objects == [ob]
    mesh = ob.data
    assert (len(mesh.vertices), len(mesh.edges), len(mesh.polygons)) == (8, 18, 12)
    assert mesh.attributes.active_color_name == mesh.attributes.default_color_name == "Color"
    color = mesh.color_attributes["Color"]
    assert (color.data_type, color.domain) == ("BYTE_COLOR", "POINT")
    for vertex, element in zip(mesh.vertices, color.data, strict=True):
        expected = [220 if x > 0 else 20 for x in vertex.co] + [255]
        assert [round(c * 255) for c in element.color_srgb] == expected
    assert not mesh.validate(verbose=True), "Blender had to correct the mesh"


def check_the_recipe_is_on_the_object():
    recipe = json.loads(generate("background views mesh")["image_to_mesh_recipe"])
    assert recipe["engine"] == "one2345" and recipe["input"] == "Apple" and recipe["report"] == {"seconds": 1}
    assert recipe["parameters"] == vars(extension.tasks.ONE2345.check({}))
    assert recipe["seed"] == 0


def check_a_render_shows_the_colors_from_the_front():
    """Seen from the front, the double's cube is red on the right and blue on top."""
    settings().placement.place = "CURSOR"
    ob = generate()
    ob.location = (0, 0, 0)
    pixels = render(ob, seen_from=((0, -3, 0), (np.pi / 2, 0, 0)), span=1.0, size=(16, 16), sky=(1, 1, 1, 1))
    left, right, high, low = pixels[:, 2], pixels[:, 13], pixels[2], pixels[13]
    assert right[:, 0].mean() > left[:, 0].mean() + 0.2 and high[:, 2].mean() > low[:, 2].mean() + 0.2
    assert pixels[..., 1].mean() < 0.7 * pixels[..., 0].mean()  # the back would be as green as red


def check_undo_takes_the_mesh_away_and_nothing_else():
    choose("views")
    bpy.ops.ed.undo_push(message="Start")
    bpy.data.objects.new("Mine", None)
    bpy.context.collection.objects.link(bpy.data.objects["Mine"])
    bpy.ops.ed.undo_push(message="Mine")
    bpy.ops.image_to_mesh.generate(wait=True)
    assert len(extension.made()) == 1
    bpy.ops.ed.undo()
    assert not extension.made() and "Mine" in bpy.data.objects
    bpy.ops.ed.redo()
    assert len(extension.made()) == 1
    assert extension.made()[0].data.color_attributes["Color"].data[7].color_srgb[0] > 0.8


def check_a_million_triangles_arrive_whole():
    mesh = generate("grid:500000").data
    assert len(extension.made()) == 1 and len(mesh.vertices) == 708**2 and len(mesh.polygons) == 2 * 707**2
    assert not mesh.validate(verbose=True)


def check_unprintable_names_become_printable():
    printable = extension.input_image.printable
    assert printable("caf\udce9") == "caf?" and printable("") == "Mesh"


def check_any_name_becomes_an_object():
    triangle = extension.arrays.MeshArrays(
        np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32), np.full((3, 4), 255, np.uint8)
    )
    add, printable = extension.mesh_import.add_object, extension.input_image.printable
    for name in ("漢" * 100, "🍎 e\u0301", "../..\\x", "a\nb"):
        new = add(triangle, printable(name), {"input": name}, (0, 0, 0), bpy.context.scene)
        assert new.name and new.data.materials[0], name

# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh in the scene: place, colours, recipe, undo, size."""

import json

import bpy
import numpy as np
from stage import RESOURCES, choose, made, module, use_double


def check_a_mesh_stands_at_the_cursor_with_its_colors():
    choose("background views mesh")
    bpy.context.scene.cursor.location = (1, 2, 3)
    bpy.ops.image_to_mesh.generate(wait=True)
    [ob] = made()
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
    [ob] = made()
    recipe = json.loads(ob["image_to_mesh_recipe"])
    assert recipe["engine"] == "one2345" and recipe["input"] == "Apple" and recipe["report"] == {"seconds": 1}
    assert recipe["parameters"] == vars(module("backend.interface.tasks").task("one2345").check({}))
    assert recipe["seed"] == 0


def check_a_render_shows_the_colors_from_the_front():
    """Seen from the front, the double's cube is red on the right and blue on top."""
    [ob] = made()
    scene = bpy.context.scene
    ob.location = (0, 0, 0)
    camera = bpy.data.cameras.new("Front")
    camera.type, camera.ortho_scale = "ORTHO", 1.0
    scene.camera = bpy.data.objects.new("Front", camera)
    scene.camera.location, scene.camera.rotation_euler = (0, -3, 0), (np.pi / 2, 0, 0)
    scene.collection.objects.link(scene.camera)
    for other in bpy.data.objects:
        other.hide_render = other not in (ob, scene.camera)
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (1, 1, 1, 1)
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 4, False
    scene.view_settings.view_transform = "Standard"
    scene.render.resolution_x = scene.render.resolution_y = 16
    scene.render.filepath = str(RESOURCES / "front.png")
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(scene.render.filepath)
    pixels = np.array(image.pixels[:]).reshape(16, 16, 4)  # the first row is the bottom one
    left, right, low, high = pixels[:, 2], pixels[:, 13], pixels[2], pixels[13]
    assert right[:, 0].mean() > left[:, 0].mean() + 0.2 and high[:, 2].mean() > low[:, 2].mean() + 0.2
    assert pixels[..., 1].mean() < 0.7 * pixels[..., 0].mean()  # the back would be as green as red


def check_undo_takes_the_mesh_away_and_nothing_else():
    bpy.ops.wm.read_homefile()
    use_double()
    choose("views")
    bpy.ops.ed.undo_push(message="Start")
    bpy.data.objects.new("Mine", None)
    bpy.context.collection.objects.link(bpy.data.objects["Mine"])
    bpy.ops.ed.undo_push(message="Mine")
    bpy.ops.image_to_mesh.generate(wait=True)
    assert len(made()) == 1
    bpy.ops.ed.undo()
    assert not made() and "Mine" in bpy.data.objects
    bpy.ops.ed.redo()
    assert len(made()) == 1 and made()[0].data.color_attributes["Color"].data[7].color_srgb[0] > 0.8

# SPDX-License-Identifier: GPL-3.0-or-later
"""Fit to the scene: height, floor, another object's place, collection."""

import bpy
import numpy as np
from stage import activate, cases, extension, generate, settings

CURSOR = (1, 2, 3)


def spans(ob):
    """Least and greatest world coordinates of its vertices."""
    bpy.context.view_layer.update()
    points = np.array([ob.matrix_world @ vertex.co for vertex in ob.data.vertices])
    return points.min(0), points.max(0)


@cases(
    floor=(3.0, "FLOOR", (-0.5, 0.5, 0), (2.5, 3.5, 3)),
    stand=(3.0, "STAND", (-0.5, 0.5, 3), (2.5, 3.5, 6)),
    cursor=(0.0, "CURSOR", (0.5, 1.5, 2.5), (1.5, 2.5, 3.5)),
)
def check_a_mesh_gets_its_height_and_place(height, place, low, high):
    """The double's cube has sides of 1 metre."""
    bpy.context.scene.cursor.location = CURSOR
    settings().placement.height, settings().placement.place = height, place
    found = spans(generate())
    assert np.allclose(found[0], low, atol=1e-5) and np.allclose(found[1], high, atol=1e-5)


def check_selected_meshes_are_fitted_whatever_their_parent():
    ob, parent = generate(), bpy.data.objects.new("Parent", None)
    bpy.context.collection.objects.link(parent)
    parent.location, parent.scale, ob.rotation_euler = (0, 0, 5), (2, 2, 2), (0.5, 0.4, 0)
    ob.parent = parent
    bpy.context.view_layer.update()
    bpy.ops.ed.undo_push(message="Before")
    before, name = np.array(ob.matrix_world), ob.name
    settings().placement.height, settings().placement.place = 1.8, "FLOOR"
    bpy.ops.image_to_mesh.fit()
    low, high = spans(ob)
    assert abs(low[2]) < 1e-5 and abs(high[2] - 1.8) < 1e-5
    bpy.ops.ed.undo_push(message="Fit")
    bpy.ops.ed.undo()
    assert np.allclose(np.array(bpy.data.objects[name].matrix_world), before, atol=1e-6)


def check_a_mesh_takes_the_active_objects_place():
    cube, objects = bpy.data.objects["Cube"], len(bpy.data.objects)
    cube.location, cube.scale = (5, 0, 0), (1, 2, 3)
    cube.modifiers.new("Bevel", "BEVEL")
    old = cube.data
    low, high = spans(cube)
    settings().placement.place = "REPLACE"
    activate(cube)
    bpy.ops.ed.undo_push(message="Before")
    generate()
    cube = bpy.data.objects["Cube"]
    assert len(bpy.data.objects) == objects and cube.modifiers[0].name == "Bevel" and cube.data != old
    now = spans(cube)
    assert np.allclose(now[0], low, atol=1e-4) and np.allclose(now[1], high, atol=1e-4)
    assert old in [version.mesh for version in extension.versions()]
    assert extension.frame.cube_of(cube) is not None and cube.data.color_attributes
    bpy.ops.ed.undo()
    assert len(bpy.data.objects["Cube"].data.materials) == 1 and not extension.made()


def check_a_mesh_goes_into_the_chosen_collection():
    shelf = bpy.data.collections.new("Shelf")
    bpy.context.scene.collection.children.link(shelf)
    settings().placement.collection = shelf
    assert [c.name for c in generate().users_collection] == ["Shelf"]
    bpy.context.scene.collection.children.unlink(shelf)
    assert [c.name for c in generate().users_collection] != ["Shelf"]  # it is not in the scene any more

# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects to work on, and their vertices as arrays."""

import bpy
import numpy as np
from stage import extension

RED, BLUE = (230, 30, 30, 255), (30, 30, 230, 255)
RADIUS = 0.4  # of the ball of two colours


def positions(mesh):
    """Vertices float32 (N, 3)."""
    flat = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", flat)
    return flat.reshape(-1, 3)


def in_group(ob):
    """Which vertices (N,) are in any vertex group."""
    return np.array([bool(vertex.groups) for vertex in ob.data.vertices])


def entangled_ball():
    """A ball of 2 x 2 x 4 with a parent, a driver, modifiers, a material and a vertex group of its upper half, linked
    into a second scene, where a twin has the same data."""
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    bpy.ops.mesh.primitive_uv_sphere_add(segments=16, ring_count=9, location=(3, 2, 1))
    ob = bpy.context.object
    ob.name, ob.scale, ob.rotation_euler = "Ball", (1, 1, 2), (0.3, 0.2, 0.1)
    parent = bpy.data.objects.new("Parent", None)
    bpy.context.collection.objects.link(parent)
    parent.location, ob.parent = (1, 1, 1), parent
    ob.driver_add("location", 0).driver.expression = "3.5"
    ob.modifiers.new("Smooth", "SUBSURF").levels = 1
    ob.data.materials.append(bpy.data.materials.new("Mine"))
    group = ob.vertex_groups.new(name="Top")
    group.add([v.index for v in ob.data.vertices if v.co.z > 0.1], 1.0, "REPLACE")
    ob.modifiers.new("Push", "DISPLACE").vertex_group = "Top"
    extra = bpy.data.collections.new("Extra")
    bpy.context.scene.collection.children.link(extra)
    extra.objects.link(ob)
    other = bpy.data.scenes.new("Other")
    for linked in (ob, bpy.data.objects.new("Twin", ob.data)):
        other.collection.objects.link(linked)
    bpy.context.view_layer.update()
    bpy.ops.ed.undo_push(message="Ball")
    return ob


def traits(ob):
    """All of the ball that has to stay when it gets another mesh."""
    return {
        "name": ob.name,
        "matrix": np.round(np.array(ob.matrix_world), 5).tolist(),
        "parent": ob.parent.name,
        "collections": sorted(c.name for c in ob.users_collection),
        "modifiers": [(m.name, m.type, getattr(m, "vertex_group", "")) for m in ob.modifiers],
        "drivers": [d.data_path for d in ob.animation_data.drivers],
        "materials": [slot.name for slot in ob.material_slots],
        "groups": [group.name for group in ob.vertex_groups],
    }


def paint(ob, colors, name):
    """Give the object vertex colours uint8 (N, 4) and the material of the add-on that shows them."""
    extension.mesh_import.add_colors(ob.data, colors)
    ob.data.materials.append(extension.mesh_import.build_material(name, colors))


def ball_of_two_colors(subdivisions=5):
    """A ball, red where x > 0 and blue elsewhere, as the add-on would have made it."""
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=subdivisions, radius=RADIUS)
    ob = bpy.context.object
    paint(ob, np.where(positions(ob.data)[:, :1] > 0, RED, BLUE).astype(np.uint8), "Ball")
    return ob


def assert_is_the_ball(mesh, tolerance=0.02):
    """On the sphere, and with the ball's colours but near the border between them."""
    points, colors = positions(mesh), extension.mesh_export.read_colors(mesh)
    assert np.abs(np.linalg.norm(points, axis=1) - RADIUS).max() < tolerance
    assert_has_two_colors(points, colors, 6)


def assert_has_two_colors(points, colors, tolerance):
    right, left = colors[points[:, 0] > 0.05, :3].astype(int), colors[points[:, 0] < -0.05, :3].astype(int)
    assert len(right) and len(left)
    assert np.abs(right - RED[:3]).max() < tolerance and np.abs(left - BLUE[:3]).max() < tolerance


def png(red):
    """The bytes of a PNG file of one pixel."""
    image = bpy.data.images.new("pixel", 1, 1)
    image.pixels = (red, 0, 0, 1)
    image.pack()
    data = bytes(image.packed_file.data)
    bpy.data.images.remove(image)
    return data

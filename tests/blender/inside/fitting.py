# SPDX-License-Identifier: GPL-3.0-or-later
"""Fit to the scene: height, floor, another object's place, collection, the image's camera, the preview."""

import json

import bpy
import numpy as np
from stage import RESOURCES, choose, made, module, run, settings, the_session, use_double
from views import alpha, overlap


def fresh(script="views"):
    bpy.ops.wm.read_homefile()
    use_double()
    choose(script)
    bpy.context.scene.cursor.location = (1, 2, 3)


def spans(ob):
    """Least and greatest world coordinates of its vertices."""
    bpy.context.view_layer.update()
    points = np.array([ob.matrix_world @ vertex.co for vertex in ob.data.vertices])
    return points.min(0), points.max(0)


def generate():
    assert bpy.ops.image_to_mesh.generate(wait=True) == {"FINISHED"}
    return bpy.context.object


def check_a_mesh_gets_its_height_and_stands():
    fresh()
    settings().placement.height, settings().placement.place = 3.0, "FLOOR"
    low, high = spans(generate())
    assert np.allclose(low, (-0.5, 0.5, 0), atol=1e-5) and np.allclose(high, (2.5, 3.5, 3), atol=1e-5)
    settings().placement.place = "STAND"
    low, high = spans(generate())
    assert abs(low[2] - 3) < 1e-5 and abs(high[2] - 6) < 1e-5
    settings().placement.height, settings().placement.place = 0.0, "CURSOR"
    low, high = spans(generate())
    assert np.allclose((low + high) / 2, (1, 2, 3), atol=1e-5) and abs(high[2] - low[2] - 1) < 1e-5


def check_selected_meshes_are_fitted_whatever_their_parent():
    ob = bpy.context.object
    parent = bpy.data.objects.new("Parent", None)
    bpy.context.collection.objects.link(parent)
    parent.location, parent.scale, ob.rotation_euler = (0, 0, 5), (2, 2, 2), (0.5, 0.4, 0)
    ob.parent = parent
    bpy.context.view_layer.update()
    bpy.ops.ed.undo_push(message="Before")
    before = np.array(ob.matrix_world)
    settings().placement.height, settings().placement.place = 1.8, "FLOOR"
    name = ob.name
    bpy.ops.image_to_mesh.fit()
    low, high = spans(ob)
    assert abs(low[2]) < 1e-5 and abs(high[2] - 1.8) < 1e-5
    bpy.ops.ed.undo_push(message="Fit")
    bpy.ops.ed.undo()
    assert np.allclose(np.array(bpy.data.objects[name].matrix_world), before, atol=1e-6)


def check_a_mesh_takes_the_active_objects_place():
    fresh()
    cube, objects = bpy.data.objects["Cube"], len(bpy.data.objects)
    cube.location, cube.scale = (5, 0, 0), (1, 2, 3)
    cube.modifiers.new("Bevel", "BEVEL")
    old = cube.data
    low, high = spans(cube)
    settings().placement.place = "REPLACE"
    bpy.context.view_layer.objects.active = cube
    bpy.ops.ed.undo_push(message="Before")
    generate()
    cube = bpy.data.objects["Cube"]
    assert len(bpy.data.objects) == objects and cube.modifiers[0].name == "Bevel" and cube.data != old
    now = spans(cube)
    assert np.allclose(now[0], low, atol=1e-4) and np.allclose(now[1], high, atol=1e-4)
    assert old in [version.mesh for version in bpy.context.scene.image_to_mesh_versions]
    assert module("addon.scene.frame").cube_of(cube) is not None and cube.data.color_attributes
    bpy.ops.ed.undo()
    assert len(bpy.data.objects["Cube"].data.materials) == 1 and not made()


def check_a_mesh_goes_into_the_chosen_collection():
    fresh()
    shelf = bpy.data.collections.new("Shelf")
    bpy.context.scene.collection.children.link(shelf)
    settings().placement.collection = shelf
    ob = generate()
    assert [c.name for c in ob.users_collection] == ["Shelf"]
    bpy.context.scene.collection.children.unlink(shelf)
    assert [c.name for c in generate().users_collection] != ["Shelf"]  # it is not in the scene any more


def check_a_camera_shows_the_mesh_where_the_image_does():
    """The double's mesh, moved, turned and scaled, in a picture of 80 x 60 whose camera is known: Blender's render from
    the matched camera against the outline of the cube under that camera."""
    fresh()
    ob = generate()
    facts = {"elevation_deg": 20.0, "radius": 1.2, "fov_deg": 75.0, "shift": [0.1, -0.05], "size": [80, 60], "iou": 0.9}
    recipe = json.loads(ob["image_to_mesh_recipe"])
    recipe["report"] = {"picture_camera": facts}
    ob["image_to_mesh_recipe"] = json.dumps(recipe)
    image = bpy.data.images.new("Photo", 80, 60)
    version = next(v for v in bpy.context.scene.image_to_mesh_versions if v.mesh == ob.data)
    version.image = image
    ob.location, ob.rotation_euler, ob.scale = (4, 5, 6), (0.4, 0.2, 0.9), (3, 3, 3)
    bpy.context.view_layer.update()
    assert bpy.ops.image_to_mesh.match_camera() == {"FINISHED"}
    scene = bpy.context.scene
    assert scene.camera.data.background_images[0].image.name == "Photo"
    assert abs(scene.render.resolution_x / scene.render.resolution_y - 80 / 60) < 1e-3
    for other in bpy.data.objects:
        other.hide_render = other.name not in (ob.name, scene.camera.name)
    scene.render.resolution_x, scene.render.resolution_y, scene.render.film_transparent = 80, 60, True
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 4, False
    scene.render.filepath = str(RESOURCES / "matched.png")
    bpy.ops.render.render(write_still=True)
    pose = module("addon.base.cameras").orbit(0, 20)
    focal = 30 / np.tan(np.radians(37.5))
    axis = 40 - 0.1 * 80, 30 + -0.05 * 80  # rows go down
    column, row = np.meshgrid(np.arange(80) + 0.5, np.arange(60) + 0.5)
    along = np.stack([column - axis[0], axis[1] - row, np.full(row.shape, -focal)], -1) @ pose[:3, :3].T
    with np.errstate(divide="ignore"):
        first, second = ((sign * 0.5 - pose[:3, 3]) / along for sign in (-1, 1))
    expected = np.minimum(first, second).max(-1) < np.maximum(first, second).min(-1)  # rays that hit the cube
    assert overlap(alpha(scene.render.filepath), expected) > 0.95


def check_a_mesh_without_a_picture_has_no_camera_to_match():
    fresh()
    generate()
    missing = module("addon.operators.match_camera").IMAGE_TO_MESH_OT_match_camera.why_unavailable
    assert "did not tell" in missing(bpy.context) and not bpy.ops.image_to_mesh.match_camera.poll()
    bpy.context.view_layer.objects.active = bpy.data.objects["Cube"]
    assert "active object" in missing(bpy.context)


def check_previews_come_and_go_and_leave_no_data():
    """The mesh as it is by now is drawn, but it is no object: nothing to undo."""
    fresh("preview wait:0.3")
    bpy.ops.ed.undo_push(message="Before")
    session, preview = the_session(), the_session().preview
    bpy.ops.image_to_mesh.generate()
    [job] = session.queue.jobs()
    run(lambda: job.progress.stage == "wait")
    assert len(job.progress.preview.vertices) == 8 and preview.mesh is job.progress.preview
    assert np.allclose(preview.matrix[:3, 3], (1, 2, 3))
    assert not made() and len(bpy.data.meshes) == 1
    corners, colors = module("addon.scene.viewport_preview").shaded(job.progress.preview)
    assert corners.shape == (36, 3) and colors.shape == (36, 4) and 0 <= colors.min() and colors.max() <= 1
    top = colors[np.repeat((corners.reshape(12, 3, 3)[:, :, 2] == 0.5).all(1), 3)]
    below = colors[np.repeat((corners.reshape(12, 3, 3)[:, :, 2] == -0.5).all(1), 3)]
    assert top[:, 0].max() > below[:, 0].max()  # lit from above
    given = job.progress.preview.colors[job.progress.preview.faces].reshape(36, 4) / 255
    lit = (top / given[np.repeat((corners.reshape(12, 3, 3)[:, :, 2] == 0.5).all(1), 3)])[:, :3]
    assert np.allclose(lit**2.2, 0.45 + 0.55 * 0.6 / 1.005, atol=1e-3)  # of linear light; the colours are sRGB
    run(lambda: not session.queue.busy)
    assert preview.mesh is None and len(made()) == 1
    bpy.ops.ed.undo()
    assert not made() and "Cube" in bpy.data.objects

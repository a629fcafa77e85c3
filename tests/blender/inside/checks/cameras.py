# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's cameras and the engines': read, placed, rendered from, matched with the image."""

import json
import math

import bpy
import numpy as np
from mathutils import Euler, Matrix
from renders import overlap, read_file, render_mask
from stage import RESOURCES, activate, cases, extension, generate, select, settings

FLAG = ((-0.4, 0.1, -0.3), (0.5, -0.2, -0.2), (0.1, 0.3, 0.45))  # a triangle that no mirror or turn leaves as it is


def flag():
    """The triangle, twice as large, at (1, 2, 3), in place of the cube; and its corners in the world."""
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    mesh = bpy.data.meshes.new("Flag")
    mesh.from_pydata(FLAG, [], [(0, 1, 2)])
    ob = bpy.data.objects.new("Flag", mesh)
    ob.location, ob.scale = (1, 2, 3), (2, 2, 2)
    bpy.context.collection.objects.link(ob)
    bpy.context.view_layer.update()
    return ob, np.array([ob.matrix_world @ vertex.co for vertex in mesh.vertices])


def cube_around(ob):
    return extension.frame.around([ob], bpy.context.evaluated_depsgraph_get())


def covered(corners, pose, fov_deg, width, height):
    """Pixels (H, W), first row on top, whose centre lies in the triangle seen by the pinhole camera."""
    local = (corners - pose[:3, 3]) @ pose[:3, :3]
    focal = height / 2 / math.tan(math.radians(fov_deg) / 2)
    x, y = width / 2 - focal * local[:, 0] / local[:, 2], height / 2 + focal * local[:, 1] / local[:, 2]
    column, row = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    sides = [(x[j] - x[i]) * (row - y[i]) - (y[j] - y[i]) * (column - x[i]) for i, j in ((0, 1), (1, 2), (2, 0))]
    return (np.min(sides, 0) >= 0) | (np.max(sides, 0) <= 0)


@cases(
    auto_wide=("AUTO", 60, 40),
    auto_high=("AUTO", 40, 60),
    horizontal=("HORIZONTAL", 40, 60),
    vertical=("VERTICAL", 60, 40),
)
def check_a_camera_of_blenders_is_read_as_it_renders(fit, width, height):
    """A camera with a scaled parent, for each fit of the sensor, with wide and high images."""
    (_, corners), carrier, camera = flag(), bpy.data.objects.new("Carrier", None), bpy.data.objects["Camera"]
    bpy.context.collection.objects.link(carrier)
    carrier.scale, camera.parent = (3, 3, 3), carrier
    bpy.context.view_layer.update()
    camera.matrix_world = Matrix.Translation((2.6, -3.5, 4.4)) @ Euler((1.3, 0.1, 0.3)).to_matrix().to_4x4()
    bpy.context.view_layer.update()
    pose = extension.view_cameras.upright(np.array(camera.matrix_world))
    camera.data.sensor_fit, camera.data.lens = fit, 60
    fov = extension.view_cameras.field_of_view(camera.data, width, height)
    expected = covered(corners, pose, fov, width, height)
    bpy.context.scene.camera = camera
    assert expected.sum() > 60 and overlap(render_mask(width, height), expected) > 0.9


def check_a_rendered_view_shows_the_object_alone_and_leaves_nothing():
    (ob, corners), scene = flag(), bpy.context.scene
    before = {kind: len(getattr(bpy.data, kind)) for kind in ("scenes", "objects", "cameras", "worlds", "images")}
    cube = cube_around(ob)
    assert abs(np.linalg.norm(corners - cube[:3, 3], axis=1).max() - cube[0, 0] / 2) < 1e-5
    pose = extension.view_cameras.upright(cube @ extension.cameras.orbit(30, 20))
    bpy.ops.mesh.primitive_cube_add(size=9, location=cube[:3, 3])  # would hide it
    data = extension.render_view.render_view([ob], pose, 49.1, 64)
    bpy.data.objects.remove(bpy.context.object)
    (RESOURCES / "view.png").write_bytes(data)
    seen = read_file(RESOURCES / "view.png")[..., 3] > 0.5
    assert overlap(seen, covered(corners, pose, 49.1, 64, 64)) > 0.9
    assert scene.render.resolution_x != 64
    assert before == {kind: len(getattr(bpy.data, kind)) for kind in before}


def check_the_rig_has_the_engines_cameras():
    """32 cameras around the selected object, where One-2-3-45's view set has them."""
    (ob, _), view_set = flag(), extension.view_set
    select(ob)
    settings().views.elevation = math.radians(20)
    bpy.ops.image_to_mesh.add_view_rig()
    bpy.context.view_layer.update()
    rig, cube = extension.view_cameras.of_rig(bpy.context.scene), cube_around(ob)
    assert len(rig) == 32
    for camera, (azimuth, elevation) in zip(rig, view_set.view_set(20), strict=True):
        seen = extension.cameras.view_from(np.array(camera.matrix_world), cube)
        assert abs((seen.azimuth - azimuth + 180) % 360 - 180) < 1e-2 and abs(seen.elevation - elevation) < 1e-2
        assert abs(seen.distance - 1.2) < 1e-4
        assert abs(extension.view_cameras.field_of_view(camera.data, 64, 64) - view_set.FOV_DEG) < 1e-3


def check_a_camera_shows_the_mesh_where_the_image_does():
    """The double's mesh, moved, turned and scaled, in an image of 80 x 60 whose camera is known: Blender's render from
    the matched camera against the outline of the cube under that camera."""
    ob, scene = generate(), bpy.context.scene
    facts = {"elevation_deg": 20.0, "radius": 1.2, "fov_deg": 75.0, "shift": [0.1, -0.05], "size": [80, 60], "iou": 0.9}
    recipe = json.loads(ob["image_to_mesh_recipe"])
    ob["image_to_mesh_recipe"] = json.dumps(recipe | {"report": {"picture_camera": facts}})
    [version] = extension.versions()
    version.image = bpy.data.images.new("Photo", 80, 60)
    ob.location, ob.rotation_euler, ob.scale = (4, 5, 6), (0.4, 0.2, 0.9), (3, 3, 3)
    bpy.context.view_layer.update()
    assert bpy.ops.image_to_mesh.match_camera() == {"FINISHED"}
    assert scene.camera.data.background_images[0].image.name == "Photo"
    assert (scene.render.resolution_x, scene.render.resolution_y) == (1920, 1440), "its longer side stays"
    scene.render.resolution_x, scene.render.resolution_y = 1201, 901  # the same proportions, but for rounding
    assert not extension.match_camera.adopt_proportions(scene.render, 80, 60) and scene.render.resolution_x == 1201
    for other in bpy.data.objects:
        other.hide_render = other.name not in (ob.name, scene.camera.name)
    seen, pose = render_mask(80, 60), extension.cameras.orbit(0, 20)
    focal = 30 / np.tan(np.radians(37.5))
    axis = 40 - 0.1 * 80, 30 + -0.05 * 80  # rows go down
    column, row = np.meshgrid(np.arange(80) + 0.5, np.arange(60) + 0.5)
    along = np.stack([column - axis[0], axis[1] - row, np.full(row.shape, -focal)], -1) @ pose[:3, :3].T
    with np.errstate(divide="ignore"):
        first, second = ((sign * 0.5 - pose[:3, 3]) / along for sign in (-1, 1))
    expected = np.minimum(first, second).max(-1) < np.maximum(first, second).min(-1)  # rays that hit the cube
    assert overlap(seen, expected) > 0.95


def check_a_mesh_without_camera_facts_has_no_camera_to_match():
    generate()
    assert "no camera information" in extension.why_unavailable("match_camera")
    assert not bpy.ops.image_to_mesh.match_camera.poll()
    activate(bpy.data.objects["Cube"])
    assert "Select a mesh" in extension.why_unavailable("match_camera")

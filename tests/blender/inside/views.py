# SPDX-License-Identifier: GPL-3.0-or-later
"""Cameras of Blender's and the engines', novel views, the rig, and meshes of views."""

import json
import math
from pathlib import Path

import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Euler, Matrix, Vector
from stage import RESOURCES, choose, made, module, raises, settings, the_session, use_double

FLAG = ((-0.4, 0.1, -0.3), (0.5, -0.2, -0.2), (0.1, 0.3, 0.45))  # a triangle that no mirror or turn leaves as it is


def flag(location=(0, 0, 0), scale=1.0):
    mesh = bpy.data.meshes.new("Flag")
    mesh.from_pydata(FLAG, [], [(0, 1, 2)])
    ob = bpy.data.objects.new("Flag", mesh)
    ob.location, ob.scale = location, [scale] * 3
    bpy.context.collection.objects.link(ob)
    bpy.context.view_layer.update()
    return ob


def covered(corners, pose, fov_deg, width, height):
    """Pixels (H, W), first row on top, whose centre lies in the triangle seen by the pinhole camera."""
    local = (corners - pose[:3, 3]) @ pose[:3, :3]
    focal = height / 2 / math.tan(math.radians(fov_deg) / 2)
    x, y = width / 2 - focal * local[:, 0] / local[:, 2], height / 2 + focal * local[:, 1] / local[:, 2]
    column, row = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    sides = [(x[j] - x[i]) * (row - y[i]) - (y[j] - y[i]) * (column - x[i]) for i, j in ((0, 1), (1, 2), (2, 0))]
    return (np.min(sides, 0) >= 0) | (np.max(sides, 0) <= 0)


def alpha(path):
    image = bpy.data.images.load(str(path))
    width, height = image.size
    pixels = np.array(image.pixels[:]).reshape(height, width, 4)[::-1, :, 3]
    bpy.data.images.remove(image)
    return pixels > 0.5


def render(camera, width, height):
    """What Blender's own camera sees, alpha alone."""
    scene = bpy.context.scene
    scene.camera, scene.render.engine = camera, "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising, scene.render.film_transparent = 4, False, True
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.filepath = str(RESOURCES / "seen.png")
    bpy.ops.render.render(write_still=True)
    return alpha(scene.render.filepath)


def select(*chosen):
    for ob in bpy.data.objects:
        ob.select_set(ob in chosen)
    bpy.context.view_layer.objects.active = chosen[0] if chosen else None


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()


def check_a_camera_of_blenders_is_read_as_it_renders():
    """A camera with a scaled parent, every fit of the sensor, wide and high pictures."""
    bpy.ops.wm.read_homefile()
    use_double()
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    ob, carrier, camera = flag((1, 2, 3), 2.0), bpy.data.objects.new("Carrier", None), bpy.data.objects["Camera"]
    bpy.context.collection.objects.link(carrier)
    carrier.scale, camera.parent = (3, 3, 3), carrier
    bpy.context.view_layer.update()
    matrix = Matrix.Translation((2.6, -3.5, 4.4)) @ Euler((1.3, 0.1, 0.3)).to_matrix().to_4x4()
    camera.matrix_world = matrix
    bpy.context.view_layer.update()
    corners = np.array([ob.matrix_world @ vertex.co for vertex in ob.data.vertices])
    pose = module("addon.scene.view_cameras").upright(np.array(camera.matrix_world))
    for fit, width, height in (("AUTO", 60, 40), ("AUTO", 40, 60), ("HORIZONTAL", 40, 60), ("VERTICAL", 60, 40)):
        camera.data.sensor_fit, camera.data.lens = fit, 60
        fov = module("addon.scene.view_cameras").field_of_view(camera.data, width, height)
        expected = covered(corners, pose, fov, width, height)
        assert expected.sum() > 60 and overlap(render(camera, width, height), expected) > 0.9, fit


def check_a_photograph_shows_the_object_alone_and_leaves_nothing():
    ob, scene = bpy.data.objects["Flag"], bpy.context.scene
    before = {kind: len(getattr(bpy.data, kind)) for kind in ("scenes", "objects", "cameras", "worlds", "images")}
    cameras, frame = module("addon.base.cameras"), module("addon.scene.frame")
    cube = frame.around([ob], bpy.context.evaluated_depsgraph_get())
    corners = np.array([ob.matrix_world @ vertex.co for vertex in ob.data.vertices])
    assert abs(np.linalg.norm(corners - cube[:3, 3], axis=1).max() - cube[0, 0] / 2) < 1e-5
    pose = module("addon.scene.view_cameras").upright(cube @ cameras.orbit(30, 20))
    bpy.ops.mesh.primitive_cube_add(size=9, location=cube[:3, 3])  # would hide it
    data = module("addon.scene.render_view").render_view([ob], pose, 49.1, 64)
    bpy.data.objects.remove(bpy.context.object)
    (RESOURCES / "photograph.png").write_bytes(data)
    assert overlap(alpha(RESOURCES / "photograph.png"), covered(corners, pose, 49.1, 64, 64)) > 0.9
    assert scene.render.resolution_x != 64
    assert before == {kind: len(getattr(bpy.data, kind)) for kind in before}


def check_the_rig_is_the_engines():
    """32 cameras around the selected object; what they are told lies where One-2-3-45's view set has it."""
    ob, view_set = bpy.data.objects["Flag"], module("backend.interface.view_set")
    select(ob)
    settings().views.elevation = math.radians(20)
    bpy.ops.ed.undo_push(message="Before")
    bpy.ops.image_to_mesh.add_view_rig()
    bpy.context.view_layer.update()
    rig, frame = module("addon.scene.view_cameras"), module("addon.scene.frame")
    made_here = rig.of_rig(bpy.context.scene)
    cube = frame.around([bpy.data.objects["Flag"]], bpy.context.evaluated_depsgraph_get())
    assert len(made_here) == 32
    for camera, (azimuth, elevation) in zip(made_here, view_set.view_set(20), strict=True):
        seen = module("addon.base.cameras").look(np.array(camera.matrix_world), cube)
        assert abs((seen.azimuth - azimuth + 180) % 360 - 180) < 1e-2 and abs(seen.elevation - elevation) < 1e-2
        assert abs(seen.distance - 1.2) < 1e-4
        lens = camera.data
        assert abs(module("addon.scene.view_cameras").field_of_view(lens, 64, 64) - view_set.FOV_DEG) < 1e-3
    bpy.ops.image_to_mesh.add_view_rig()


def check_a_view_is_asked_for_from_the_camera_and_lies_behind_it():
    """The camera stands 45 degrees to the right, 30 above, twice as far as an engine's, and looks past the object."""
    bpy.ops.wm.read_homefile()
    use_double()
    choose("views")
    camera, scene = bpy.data.objects["Camera"], bpy.context.scene
    scene.cursor.location = (1, 2, 3)
    select()
    pose = module("addon.base.cameras").orbit(45, 30, 2.4)
    pose[:3, 3] += (1, 2, 3)
    camera.matrix_world = Matrix(pose.tolist()) @ Euler((0.05, -0.1, 0.3)).to_matrix().to_4x4()
    camera.data.shift_x = 0.05
    bpy.context.view_layer.update()
    settings().views.shown_as = "BACKGROUND"
    images = len(bpy.data.images)
    assert bpy.ops.image_to_mesh.novel_view(wait=True) == {"FINISHED"}
    job = the_session().queue.last
    [[azimuth, elevation]] = job.request.inputs["angles"]
    assert abs(azimuth - 45) < 1e-3 and abs(elevation - 30) < 1e-3
    [background] = camera.data.background_images
    image = background.image
    assert image.packed_file and len(bpy.data.images) == images + 1 and tuple(image.size) == (768, 432)
    pixels = np.array(image.pixels[:]).reshape(432, 768, 4)[..., 3] > 0.5
    cube, rig = module("addon.scene.frame").of(bpy.context), module("addon.base.cameras").orbit(45, 30)
    half = 1.2 * math.tan(math.radians(49.1) / 2)  # the engine's picture, standing in the cube's middle
    corners = [cube[:3, 3] + rig[:3, :2] @ (x * half, y * half) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    seen = [world_to_camera_view(scene, camera, Vector(corner)) for corner in corners]  # Blender's own projection
    x, y = np.array([(point.x * 768, point.y * 432) for point in seen]).T
    column, row = np.meshgrid(np.arange(768) + 0.5, np.arange(432) + 0.5)
    sides = [(x[i - 3] - x[i]) * (row - y[i]) - (y[i - 3] - y[i]) * (column - x[i]) for i in range(4)]
    assert overlap(pixels, np.min(sides, 0) >= 0) > 0.99
    assert settings().filepath, "the input stays as it was"


def check_reference_images_stand_around_the_object():
    settings().views.count, settings().views.level = 4, True
    assert bpy.ops.image_to_mesh.novel_view(where="AROUND", wait=True) == {"FINISHED"}
    stands = sorted((ob for ob in bpy.data.objects if ob.empty_display_type == "IMAGE"), key=lambda ob: ob.name)
    bpy.context.view_layer.update()
    assert len(stands) == 4 and all(ob.data.packed_file for ob in stands)
    places = {tuple(np.round(np.array(ob.matrix_world)[:3, 3] - (1, 2, 3), 4)) for ob in stands}
    assert places == {(0, 0.75, 0), (-0.75, 0, 0), (0, -0.75, 0), (0.75, 0, 0)}
    for ob in stands:  # each faces whoever looks at the object from its azimuth
        place, faces = np.array(ob.matrix_world)[:3, 3] - (1, 2, 3), np.array(ob.matrix_world)[:3, 2]
        assert np.allclose(faces, -place / 0.75, atol=1e-5)
    bpy.ops.ed.undo()
    assert not [ob for ob in bpy.data.objects if ob.empty_display_type == "IMAGE"]
    settings().views.level = False
    assert bpy.ops.image_to_mesh.novel_view(where="AROUND", wait=True) == {"FINISHED"}
    bpy.context.view_layer.update()
    assert the_session().queue.last.request.inputs["angles"][1] == (90.0, None)
    stand = next(ob for ob in bpy.data.objects if ob.empty_display_type == "IMAGE" and "90" in ob.name)
    faces = np.array(stand.matrix_world)[:3, 2]  # the double says that its image looks down by 30 degrees
    assert np.allclose(faces, (math.cos(math.radians(30)), 0, 0.5), atol=1e-5)


def check_selected_objects_become_views_with_cameras():
    """Eight pictures are taken, one a tick; the cameras are told around the object's middle; the mesh lies there."""
    bpy.ops.wm.read_homefile()
    use_double()
    choose("views")
    cube = bpy.data.objects["Cube"]
    cube.location, cube.scale = (5, 6, 7), (1, 1, 2)
    bpy.context.view_layer.update()
    select()
    assert not bpy.ops.image_to_mesh.views_to_mesh.poll()
    select(cube)
    settings().views.rig, settings().views.size = "AROUND", 64
    assert bpy.ops.image_to_mesh.views_to_mesh(wait=True) == {"FINISHED"}
    job = the_session().queue.last
    request = json.loads((Path(job.outcome.folder) / "request.json").read_text())
    assert request["attached"] == [f"view_{i:03}" for i in range(8)] and request["engine"] == "views_to_mesh"
    poses = np.array([camera["cam_to_world"] for camera in request["inputs"]["cameras"]])
    radius = math.sqrt(1 + 1 + 4)  # of the box's corners
    assert np.allclose(np.linalg.norm(poses[:, :3, 3], axis=1), 1.2 * 2 * radius, atol=1e-4)
    assert np.allclose(
        poses[0, :3, 3], 2.4 * radius * np.array((0, -math.cos(0.349066), math.sin(0.349066))), atol=1e-4
    )
    [ob] = made()
    assert np.allclose(ob.location, (5, 6, 7)) and bpy.data.objects["Cube"].location.x == 5
    data = (Path(job.outcome.folder) / "view_000.image").read_bytes()
    (RESOURCES / "view.png").write_bytes(data)
    assert 0.1 < alpha(RESOURCES / "view.png").mean() < 0.5


def check_painted_views_and_photographs_are_taken_with_their_cameras():
    scene = bpy.context.scene
    select(bpy.data.objects["Cube"])
    bpy.ops.image_to_mesh.add_view_rig()
    settings().views.source = "IMAGES"
    assert not bpy.ops.image_to_mesh.views_to_mesh.poll(), "no camera has an image yet"
    assert bpy.ops.image_to_mesh.render_views(wait=True) == {"FINISHED"}
    rig = module("addon.scene.view_cameras").of_rig(scene)
    painted = rig[3].data.background_images[0].image
    pixels = np.zeros((64, 64, 4), np.float32)
    pixels[20:40, 10:30] = (1, 0, 0, 1)  # painted over
    painted.pixels.foreach_set(pixels.reshape(-1))
    photo = bpy.data.objects["Camera"]
    photo.data.background_images.new().image = bpy.data.images.new("Photo", 30, 20)
    photo.data.shift_x = 0.1
    select()
    raises(bpy.ops.image_to_mesh.views_to_mesh, "Shift", wait=True)
    photo.data.shift_x = 0
    assert bpy.ops.image_to_mesh.views_to_mesh(wait=True) == {"FINISHED"}
    job = the_session().queue.last
    request = json.loads((Path(job.outcome.folder) / "request.json").read_text())
    assert len(request["attached"]) == 9
    number = next(i for i, camera in enumerate(request["inputs"]["cameras"]) if camera["fov_deg"] < 40)
    focal = 30 / 36 * 50  # Blender's default lens on 30 pixels
    told = request["inputs"]["cameras"][number]["fov_deg"]
    assert abs(told - 2 * math.degrees(math.atan(10 / focal))) < 1e-4
    sent = [(Path(job.outcome.folder) / f"{name}.image").read_bytes() for name in request["attached"]]
    images = [
        np.load(Path(job.outcome.folder) / f"{name}.image")["image"]
        for name, data in zip(request["attached"], sent, strict=True)
        if data[:2] == b"PK"
    ]
    red = [image for image in images if image.shape == (64, 64, 4)]
    assert len(red) == 1 and np.allclose(red[0][30, 20], (1, 0, 0, 1)) and red[0][30, 50, 3] == 0


def check_the_panels_of_views_say_why_a_button_is_grey():
    missing = module("addon.operators.views_to_mesh").IMAGE_TO_MESH_OT_views_to_mesh.missing
    select()
    settings().views.source = "RENDER"
    assert "Select" in missing(bpy.context)
    for ob in bpy.data.objects:
        if ob.type == "CAMERA":
            ob.data.background_images.clear()
    settings().views.source = "IMAGES"
    assert "background image" in missing(bpy.context)
    settings().source, settings().filepath = "FILE", ""
    assert "image file" in module("addon.operators.novel_view").IMAGE_TO_MESH_OT_novel_view.missing(bpy.context)
    assert not bpy.ops.image_to_mesh.novel_view.poll()
    settings().views.source = "RENDER"

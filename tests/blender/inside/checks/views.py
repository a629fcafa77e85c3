# SPDX-License-Identifier: GPL-3.0-or-later
"""Novel views of an image's object, and meshes of views that the artist has."""

import math
from pathlib import Path

import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Euler, Matrix, Vector
from renders import overlap, pixels_of, read_file
from stage import RESOURCES, choose, extension, overlaps, raises, request_of, select, settings

CENTRE = (1, 2, 3)  # of the image's object


def choose_image():
    """An image, and the place where its object is taken to be."""
    choose("views")
    bpy.context.scene.cursor.location = CENTRE
    select()


def stands():
    """Reference images, by name."""
    bpy.context.view_layer.update()
    return sorted((ob for ob in bpy.data.objects if ob.empty_display_type == "IMAGE"), key=lambda ob: ob.name)


def check_a_view_is_asked_for_from_the_camera_and_lies_behind_it():
    """The camera stands 45 degrees to the right, 30 above, twice as far as an engine's, and looks past the object."""
    choose_image()
    camera, scene = bpy.data.objects["Camera"], bpy.context.scene
    pose = extension.cameras.orbit(45, 30, 2.4)
    pose[:3, 3] += CENTRE
    camera.matrix_world = Matrix(pose.tolist()) @ Euler((0.05, -0.1, 0.3)).to_matrix().to_4x4()
    camera.data.shift_x = 0.05
    bpy.context.view_layer.update()
    settings().views.shown_as = "BACKGROUND"
    images = len(bpy.data.images)
    assert bpy.ops.image_to_mesh.novel_view(wait=True) == {"FINISHED"}
    [[azimuth, elevation]] = extension.last_job().inputs["angles"]
    assert abs(azimuth - 45) < 1e-3 and abs(elevation - 30) < 1e-3
    [background] = camera.data.background_images
    image = background.image
    assert image.packed_file and len(bpy.data.images) == images + 1 and tuple(image.size) == (768, 432)
    cube, rig = extension.frame.of(bpy.context), extension.cameras.orbit(45, 30)
    half = 1.2 * math.tan(math.radians(49.1) / 2)  # the engine's view, standing in the cube's middle
    corners = [cube[:3, 3] + rig[:3, :2] @ (x * half, y * half) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    seen = [world_to_camera_view(scene, camera, Vector(corner)) for corner in corners]  # Blender's own projection
    x, y = np.array([(point.x * 768, point.y * 432) for point in seen]).T
    column, row = np.meshgrid(np.arange(768) + 0.5, np.arange(432) + 0.5)
    sides = [(x[i - 3] - x[i]) * (row - y[i]) - (y[i - 3] - y[i]) * (column - x[i]) for i in range(4)]
    assert overlap(pixels_of(image)[::-1, :, 3] > 0.5, np.min(sides, 0) >= 0) > 0.99
    assert settings().filepath, "the input stays as it was"


def check_level_reference_images_stand_around_the_object():
    choose_image()
    bpy.ops.ed.undo_push(message="Before")
    settings().views.count, settings().views.level = 4, True
    assert bpy.ops.image_to_mesh.novel_view(where="AROUND", wait=True) == {"FINISHED"}
    assert len(stands()) == 4 and all(ob.data.packed_file for ob in stands())
    places = {tuple(np.round(np.array(ob.matrix_world)[:3, 3] - CENTRE, 4)) for ob in stands()}
    assert places == {(0, 0.75, 0), (-0.75, 0, 0), (0, -0.75, 0), (0.75, 0, 0)}
    for ob in stands():  # each faces whoever looks at the object from its azimuth
        place, faces = np.array(ob.matrix_world)[:3, 3] - CENTRE, np.array(ob.matrix_world)[:3, 2]
        assert np.allclose(faces, -place / 0.75, atol=1e-5)
    bpy.ops.ed.undo()
    assert not stands()


def check_other_reference_images_are_seen_from_the_images_own_elevation():
    choose_image()
    settings().views.count, settings().views.level = 4, False
    assert bpy.ops.image_to_mesh.novel_view(where="AROUND", wait=True) == {"FINISHED"}
    assert extension.last_job().inputs["angles"][1] == (90.0, None)
    [stand] = [ob for ob in stands() if "90" in ob.name]
    faces = np.array(stand.matrix_world)[:3, 2]  # the double says that its image looks down by 30 degrees
    assert np.allclose(faces, (math.cos(math.radians(30)), 0, 0.5), atol=1e-5)


def check_selected_objects_become_views_with_cameras():
    """Eight renders are made, one a tick; the cameras are given around the object's middle; the mesh lies there."""
    choose("views")
    cube = bpy.data.objects["Cube"]
    cube.location, cube.scale = (5, 6, 7), (1, 1, 2)
    bpy.context.view_layer.update()
    select()
    assert not bpy.ops.image_to_mesh.views_to_mesh.poll()
    select(cube)
    settings().views.rig, settings().views.size = "AROUND", 64
    assert bpy.ops.image_to_mesh.views_to_mesh(wait=True) == {"FINISHED"}
    job = extension.last_job()
    request = request_of(job)
    assert request["attached"] == [f"view_{i:03}" for i in range(8)] and request["engine"] == "views_to_mesh"
    poses = np.array([camera["cam_to_world"] for camera in request["inputs"]["cameras"]])
    radius = math.sqrt(1 + 1 + 4)  # of the box's corners
    assert np.allclose(np.linalg.norm(poses[:, :3, 3], axis=1), 1.2 * 2 * radius, atol=1e-4)
    front = np.array((0, -math.cos(0.349066), math.sin(0.349066)))
    assert np.allclose(poses[0, :3, 3], 2.4 * radius * front, atol=1e-4)
    [ob] = extension.made()
    assert np.allclose(ob.location[1:], (6, 7)) and ob.location.x > 6, "beside its original, in its row"
    assert bpy.data.objects["Cube"].location.x == 5 and not overlaps([ob, bpy.data.objects["Cube"]])
    (RESOURCES / "view.png").write_bytes((Path(job.folder) / "view_000.image").read_bytes())
    assert 0.1 < (read_file(RESOURCES / "view.png")[..., 3] > 0.5).mean() < 0.5


def render_rig():
    """Eight cameras around the cube, each with a render behind it, and a photograph of 30 x 20 behind the scene's."""
    choose("views")
    settings().views.rig, settings().views.size = "AROUND", 64
    select(bpy.data.objects["Cube"])
    bpy.ops.image_to_mesh.add_view_rig()
    settings().views.source = "IMAGES"
    assert not bpy.ops.image_to_mesh.views_to_mesh.poll(), "no camera has an image yet"
    assert bpy.ops.image_to_mesh.render_views(wait=True) == {"FINISHED"}
    lens = bpy.data.objects["Camera"].data
    lens.background_images.new().image = bpy.data.images.new("Photo", 30, 20)
    select()
    return lens


def check_removing_the_rig_leaves_other_cameras():
    """One of the artist's in the rig's collection too."""
    before = {kind: set(getattr(bpy.data, kind).keys()) for kind in ("objects", "cameras", "collections")}
    assert not bpy.ops.image_to_mesh.remove_view_rig.poll()
    settings().views.rig = "AROUND"
    bpy.ops.image_to_mesh.add_view_rig()
    bpy.ops.image_to_mesh.remove_view_rig()
    assert all(set(getattr(bpy.data, kind).keys()) == names for kind, names in before.items())
    bpy.ops.image_to_mesh.add_view_rig()
    [rig] = set(bpy.data.collections.keys()) - before["collections"]
    bpy.data.collections[rig].objects.link(bpy.data.objects["Camera"])
    bpy.ops.image_to_mesh.remove_view_rig()
    assert set(bpy.data.objects.keys()) == before["objects"] and rig in bpy.data.collections


def check_lenses_are_sent_as_blender_itself_projects():
    """Every sensor fit, with shift and pixels that are not square, against Blender's own projection of points."""
    lens, scene, camera = render_rig(), bpy.context.scene, bpy.data.objects["Camera"]
    lens.shift_x, lens.shift_y, lens.lens, lens.sensor_width, lens.sensor_height = 0.1, -0.2, 40, 36, 20
    image = lens.background_images[0].image
    for fit in ("AUTO", "HORIZONTAL", "VERTICAL"):
        for width, height, across, up in ((40, 30, 1, 1), (30, 40, 1, 1), (40, 30, 2, 1), (40, 30, 1, 3)):
            lens.sensor_fit, scene.render.pixel_aspect_x, scene.render.pixel_aspect_y = fit, across, up
            scene.render.resolution_x, scene.render.resolution_y = 10 * width, 10 * height
            image.scale(width, height)
            bpy.context.view_layer.update()
            sent, _ = extension.views_to_mesh.read_view(camera, scene.render)
            for x, y, depth in ((0.3, -0.2, 2), (-1, 0.5, 3)):
                seen = world_to_camera_view(scene, camera, camera.matrix_world @ Vector((x, y, -depth)))
                column, row = sent["cx"] + sent["fl_x"] * x / depth, sent["cy"] - sent["fl_y"] * y / depth
                assert np.allclose((column, row), (seen.x * width, (1 - seen.y) * height), atol=1e-3), (fit, width)


def check_other_cameras_and_moved_backgrounds_are_refused():
    lens = render_rig()
    lens.background_images[0].offset = (0.1, 0)
    raises(bpy.ops.image_to_mesh.views_to_mesh, "Offset", wait=True)
    lens.background_images[0].offset = (0, 0)
    lens.type = "ORTHO"
    raises(bpy.ops.image_to_mesh.views_to_mesh, "Perspective", wait=True)


def check_painted_views_and_photographs_are_sent_with_their_cameras():
    render_rig()
    rig = extension.view_cameras.of_rig(bpy.context.scene)
    painted = rig[3].data.background_images[0].image
    pixels = np.zeros((64, 64, 4), np.float32)
    pixels[20:40, 10:30] = (1, 0, 0, 1)  # painted over
    painted.pixels.foreach_set(pixels.reshape(-1))
    assert bpy.ops.image_to_mesh.views_to_mesh(wait=True) == {"FINISHED"}
    job = extension.last_job()
    request = request_of(job)
    assert len(request["attached"]) == 9
    [photo] = [camera for camera in request["inputs"]["cameras"] if camera["w"] == 30]
    focal = 30 / 36 * 50  # Blender's default lens on 30 pixels
    assert np.allclose([photo[key] for key in ("h", "fl_x", "fl_y", "cx", "cy")], (20, focal, focal, 15, 10), atol=1e-4)
    sent = [Path(job.folder) / f"{name}.image" for name in request["attached"]]
    images = [np.load(path)["image"] for path in sent if path.read_bytes()[:2] == b"PK"]
    [red] = [image for image in images if image.shape == (64, 64, 4)]
    assert np.allclose(red[30, 20], (1, 0, 0, 1)) and red[30, 50, 3] == 0


def check_the_panels_of_views_say_why_a_button_is_grey():
    select()
    settings().views.source = "RENDER"
    assert "Select" in extension.why_unavailable("views_to_mesh")
    settings().views.source = "IMAGES"
    assert "background image" in extension.why_unavailable("views_to_mesh")
    settings().source, settings().filepath = "FILE", ""
    assert "image file" in extension.why_unavailable("novel_view")
    assert not bpy.ops.image_to_mesh.novel_view.poll()

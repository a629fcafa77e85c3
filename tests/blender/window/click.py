# SPDX-License-Identifier: GPL-3.0-or-later
"""One click in Blender's default scene, in a real window, with the pictures panel, progress and result.

Ends with status 0 only if the button was grey without an image, the click started a job of the default engine, the mesh
stands beside the default cube on the floor, selected and in the middle of the view,
Ctrl+Z removed it alone, Ctrl+Shift+Z brought it back, and nothing held Blender for 50 ms.
"""

import sys
import time

import bpy
import mathutils
import numpy as np
import rig
from bpy_extras.view3d_utils import location_3d_to_region_2d

sys.path.insert(0, next(a for a in rig.SESSION["args"] if a.startswith("here=")).removeprefix("here="))
from played import ARGS, PATIENCE_S, extension, log_holds, meshes, prepare, tallest_button, watch


def check_result(ob):
    """It stands on the floor beside the cube, and the view shows all of it, large."""
    low, high = (extension.free_place.box_of(ob)[i] for i in (0, 1))
    cube = extension.free_place.box_of(bpy.data.objects["Cube"])
    assert abs(low[2]) < 1e-4 and low[0] > cube[1, 0], (low, cube)
    region, view = rig.region("WINDOW"), rig.area().spaces.active.region_3d
    corners = [
        mathutils.Vector((x, y, z)) for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])
    ]
    seen = np.array([location_3d_to_region_2d(region, view, corner) for corner in corners])
    size = np.array([region.width, region.height])
    rig.log("in the view:", (seen.min(0) / size).round(2), (seen.max(0) / size).round(2))
    assert (seen > 0).all() and (seen < size).all() and (np.ptp(seen, axis=0) / size).max() > 0.4


def steps():
    settings = bpy.context.scene.image_to_mesh
    prepare(keep_cube=True)
    settings.property_unset("engine")
    watch()
    yield from rig.open_sidebar("Image to Mesh")
    grey, button = [], []
    yield from tallest_button(grey)
    settings.filepath = ARGS["image"]
    rig.redraw()
    yield 0.5
    rig.shot("panel")
    yield from tallest_button(button)
    assert grey[0][3] - grey[0][1] < button[0][3] - button[0][1], "the button is not grey without an image"
    began = time.monotonic()
    rig.click(*rig.centre(button[0]))
    yield from rig.wait_until(extension.is_busy, 10)
    rig.log("the click started a job")
    yield from rig.wait_until(
        lambda: not extension.is_busy() or (extension.active_job() and extension.active_job().stage == "Surface"),
        PATIENCE_S,
    )
    yield 1.0
    rig.shot("progress")
    yield from rig.wait_until(lambda: not extension.is_busy(), PATIENCE_S)
    job = extension.last_job()
    rig.log(
        f"{job.state.value} {time.monotonic() - began:.1f} s after the click.",
        job.message,
        job.remedy,
    )
    assert job.state.value == "Done" and [ob.name for ob in bpy.context.selected_objects] == meshes() != []
    mesh = bpy.context.object.data
    rig.log(f"{len(mesh.vertices)} vertices, {len(mesh.polygons)} faces, {mesh.color_attributes[0].name}")
    check_result(bpy.context.object)
    yield 1.5
    rig.shot("result")
    rig.xdotool("mousemove", 500, 500)
    rig.key("ctrl+z")
    yield 1.0
    rig.log("after Ctrl+Z:", [ob.name for ob in bpy.data.objects])
    assert not meshes() and "Camera" in bpy.data.objects
    rig.key("ctrl+shift+z")
    yield 1.0
    assert meshes()
    log_holds()


rig.play(steps)

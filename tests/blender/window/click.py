# SPDX-License-Identifier: GPL-3.0-or-later
"""One click in a real window, from the button to the mesh, with the pictures panel, progress and result.

Ends with status 0 only if the button was grey without an image, the click started a job, the mesh appeared selected,
Ctrl+Z removed it alone, Ctrl+Shift+Z brought it back, and nothing held Blender for 50 ms.
"""

import sys
import time

import bpy
import mathutils
import rig

sys.path.insert(0, next(a for a in rig.SESSION["args"] if a.startswith("here=")).removeprefix("here="))
from played import ARGS, PATIENCE_S, extension, log_holds, meshes, prepare, tallest_button, watch


def frame_result():
    """Look at the mesh from its front, a little from above and from the right."""
    area = rig.area()
    area.spaces.active.region_3d.view_rotation = mathutils.Euler((1.25, 0, 0.4)).to_quaternion()
    with bpy.context.temp_override(window=rig.window(), area=area, region=rig.region("WINDOW")):
        bpy.ops.view3d.view_selected()
    area.spaces.active.overlay.show_outline_selected = False


def steps():
    settings = bpy.context.scene.image_to_mesh
    prepare()
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
        lambda: not extension.is_busy() or (extension.active_job() and extension.active_job().sheet is not None),
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
    frame_result()
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

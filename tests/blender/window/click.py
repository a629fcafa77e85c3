# SPDX-License-Identifier: GPL-3.0-or-later
"""One click in Blender's default scene, in a real window, with the pictures panel, progress and result.

Ends with status 0 only if the button was grey without a prompt, the click started a job of the default engine, the mesh
was seen unfinished, stands beside the default cube on the floor, selected and in the middle of the view,
Ctrl+Z removed it alone, Ctrl+Shift+Z brought it back, and nothing held Blender for 50 ms.
"""

import sys
import time

import bpy
import rig

sys.path.insert(0, next(a for a in rig.SESSION["args"] if a.startswith("here=")).removeprefix("here="))
from played import ARGS, PATIENCE_S, check_result, extension, log_holds, meshes, prepare, tallest_button, watch


def steps():
    settings = bpy.context.scene.image_to_mesh
    prepare()
    watch()
    yield from rig.open_sidebar("Image to Mesh")
    grey, button = [], []
    settings.source = "PROMPT"
    rig.redraw()
    yield from tallest_button(grey)
    settings.source, settings.filepath = "FILE", ARGS["image"]
    rig.redraw()
    yield from rig.wait_until(lambda: extension.shown_input().picture is not None, 60)
    yield 1.0
    rig.shot("panel")
    yield from tallest_button(button)
    assert grey[0][3] - grey[0][1] < button[0][3] - button[0][1], "the button is not grey without a prompt"
    began = time.monotonic()
    rig.click(*rig.centre(button[0]))
    yield from rig.wait_until(extension.is_busy, 10)
    rig.log("the click started a job")
    yield from rig.wait_until(
        lambda: not extension.is_busy() or (extension.active_job() and extension.active_job().preview is not None),
        PATIENCE_S,
    )
    assert extension.is_busy(), "the coarse mesh was not seen"
    rig.log(f"the coarse mesh {time.monotonic() - began:.1f} s after the click")
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

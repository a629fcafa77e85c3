# SPDX-License-Identifier: GPL-3.0-or-later
"""One click in a real Blender window, from the button to the mesh, with pictures. To be played by `blender-gui run`:

    blender-gui run --extension image_to_mesh.zip --venv VENV --bind IMAGE --script tests/blender/window/click.py \
        --script-arg python=VENV/bin/python --script-arg image=IMAGE --out shots --timeout 600

VENV has what the backend needs. With `--bind DOUBLE --script-arg double=DOUBLE` a stand-in takes the backend's place.
Ends with status 0 only if the mesh appeared, Ctrl+Z removed it, Ctrl+Shift+Z brought it back, and nothing held Blender.
"""

import sys
import time
from pathlib import Path

import bpy
import rig

NAME = "bl_ext.user_default.image_to_mesh"
ARGS = dict(argument.split("=", 1) for argument in rig.SESSION["args"])
PATIENCE_S = float(ARGS.get("patience", 500))
HOLD_MS = 50


def module(name):
    return sys.modules[f"{NAME}.{name}"]


def prepare():
    """Preferences as an artist with an interpreter of their own would set them; an empty scene."""
    prefs = bpy.context.preferences.addons[NAME].preferences
    prefs.python, prefs.data_folder = ARGS["python"], "/tmp/image-to-mesh"
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    bpy.ops.ed.undo_push(message="Remove the cube")
    if "double" in ARGS:
        stand_in()


def stand_in():
    """Start tests/blender/double instead of the backend."""
    import os

    protocol, process = module("backend.interface.protocol"), module("addon.process")
    folder = Path("/tmp/image-to-mesh")
    folder.mkdir(exist_ok=True)
    command = protocol.command(ARGS["python"], ARGS["double"], "serve", "--jobs", folder / "jobs")
    launch = process.Launch(command, protocol.environment(os.environ), folder, folder / "logs" / "backend.log")
    module("addon.session").queue.launch = lambda: lambda: launch


def main_button():
    """`yield from main_button()` -> the box of the tall button, None while it is grey."""
    found = []
    yield from rig.buttons(rig.region("UI"), found)
    rig.log("buttons", [(x1 - x0, y1 - y0) for x0, y0, x1, y1 in found])
    return max(found, key=lambda box: box[3] - box[1], default=None)


def meshes():
    return [ob.name for ob in bpy.data.objects if "image_to_mesh_recipe" in ob]


def frame_result():
    window, area, region = rig.window(), rig.area(), rig.region("WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.view3d.view_selected()
    area.spaces.active.overlay.show_outline_selected = False


def steps():
    session, settings = module("addon.session"), bpy.context.scene.image_to_mesh
    prepare()
    yield from rig.open_sidebar("Image to Mesh")
    grey = yield from main_button()
    settings.filepath = ARGS["image"]
    rig.redraw()
    yield 0.5
    rig.shot("panel")
    button = yield from main_button()
    height = button[3] - button[1]
    assert grey is None or grey[3] - grey[1] < height, "the button is not grey without an image"
    began = time.monotonic()
    rig.click(*rig.centre(button))
    yield from rig.wait_until(lambda: session.queue.busy, 10)
    rig.log(f"click started a job after {time.monotonic() - began:.2f} s")
    queue = session.queue
    yield from rig.wait_until(lambda: not queue.busy or queue.active and queue.active.sheet is not None, PATIENCE_S)
    yield 1.0
    rig.shot("progress")
    yield from rig.wait_until(lambda: not queue.busy, PATIENCE_S)
    job = queue.last
    rig.log(f"job {job.state.value} after {time.monotonic() - began:.1f} s: {job.message} {job.remedy}")
    assert meshes() and job.state.value == "Done"
    mesh = bpy.data.objects[meshes()[0]].data
    rig.log(f"{len(mesh.vertices)} vertices, {len(mesh.polygons)} faces, colors {mesh.color_attributes[0].name}")
    assert [ob.name for ob in bpy.context.selected_objects] == meshes()
    frame_result()
    yield 1.5
    rig.shot("result")
    rig.xdotool("mousemove", 500, 500)
    rig.key("ctrl+z")
    yield 1.0
    rig.log("after Ctrl+Z", meshes(), "and the camera is", "Camera" in bpy.data.objects)
    assert not meshes() and "Camera" in bpy.data.objects
    rig.key("ctrl+shift+z")
    yield 1.0
    assert meshes()
    rig.log(f"longest hold {session.longest_ms:.1f} ms, longest import {session.longest_import_ms:.0f} ms")
    assert session.longest_ms < HOLD_MS


rig.play(steps)

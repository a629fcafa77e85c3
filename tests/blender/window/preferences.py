# SPDX-License-Identifier: GPL-3.0-or-later
"""The preferences in a real window: grey while offline, then Set Up Backend by a real click, then the weights.

Needs `--set-up FOLDER` (several GB, and a package index); without it the script ends after the pictures.
"""

import sys
import time

import bpy
import rig

sys.path.insert(0, next(a for a in rig.SESSION["args"] if a.startswith("here=")).removeprefix("here="))
from played import ARGS, DATA, NAME, PATIENCE_S, log_holds, module


def show_preferences():
    """Turn the 3D View into the preferences of this extension alone."""
    area = rig.area()
    area.type = "PREFERENCES"
    bpy.context.preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "Image to Mesh"
    info = module("addon.preferences").Preferences.bl_idname
    with bpy.context.temp_override(window=rig.window(), area=area, region=area.regions[-1]):
        bpy.ops.preferences.addon_expand(module=info)


def buttons():
    """`found = yield from buttons()`: the boxes of all buttons that are not grey."""
    boxes = []
    yield from rig.buttons(rig.region("WINDOW", "PREFERENCES"), boxes)
    return boxes


def set_up():
    """Click the topmost button that online access brings to life, and wait until the backend is made."""
    setup = module("addon.setup")
    grey = yield from buttons()
    bpy.context.preferences.system.use_online_access = True
    rig.redraw()
    yield 0.5
    rig.shot("online")
    alive = yield from buttons()
    rig.log(f"{len(grey)} buttons offline, {len(alive)} online")
    rig.click(*rig.centre(alive[0]))
    yield from rig.wait_until(setup.running, 10)
    began, stage = time.monotonic(), ""
    while setup.running():
        if setup.task().stage != stage:
            stage = setup.task().stage
            rig.log(f"{time.monotonic() - began:.0f} s: {stage}")
            rig.shot("setting_up")
        yield 2.0
    yield 1.0
    task = setup.task()
    rig.log(f"{time.monotonic() - began:.0f} s: {task.stage}. {task.line} {task.trouble or ''}")
    rig.shot("set_up")
    assert setup.is_ready(), task.trouble


def steps():
    disk = module("addon.disk")
    prefs = bpy.context.preferences.addons[NAME].preferences
    prefs.data_folder = ARGS.get("data", str(DATA))
    if "data" not in ARGS:
        prefs.python = ARGS["python"]
    show_preferences()
    rig.redraw()
    yield 1.0
    if "data" in ARGS:
        rig.shot("offline")
        yield from set_up()
    yield from rig.wait_until(lambda: disk.seen().complete, PATIENCE_S)
    yield 1.0
    rig.shot("weights")
    bpy.context.preferences.system.use_online_access = True
    area = rig.area("PREFERENCES")
    with bpy.context.temp_override(window=rig.window(), area=area, region=rig.region("WINDOW", "PREFERENCES")):
        bpy.ops.image_to_mesh.download_model("INVOKE_DEFAULT", model="stable-zero123")
    yield 1.0
    rig.shot("agreement")
    log_holds()


rig.play(steps)

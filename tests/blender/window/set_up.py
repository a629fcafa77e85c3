# SPDX-License-Identifier: GPL-3.0-or-later
"""Set Up Backend in the tab, a job in that backend, and Remove Backend in the preferences, in a real window.

Needs `--set-up DIR`, an empty folder: several GB are written there, and packages come from an index.
"""

import sys
import time
from pathlib import Path

import bpy
import rig

sys.path.insert(0, next(a for a in rig.SESSION["args"] if a.startswith("here=")).removeprefix("here="))
from played import ARGS, PATIENCE_S, extension, live_buttons, log_holds, meshes, press, show_preferences, watch
from widgets import DRAWN, click, of_region, rows_around_main, texts


def set_up():
    """In the tab: click Allow Online Access and Set Up Backend, and wait until the backend is made."""
    setup = extension.setup()
    assert not setup.is_ready()
    [online] = yield from texts("wcol_option", of_region())
    yield from click(online)
    yield from rig.wait_until(lambda: bpy.app.online_access, 5)
    yield from DRAWN
    rig.shot("online")
    boxes = []
    yield from rig.buttons(rig.region("UI"), boxes)
    yield from press(boxes[0], lambda: setup.running)
    began, stage = time.monotonic(), ""
    while setup.running:
        if setup.task.stage != stage:
            stage = setup.task.stage
            rig.log(f"{time.monotonic() - began:.0f} s: {stage}")
            yield 3.0
            rig.shot("setting_up_" + stage.split()[-1].strip("()"))
        yield 1.0
    yield 1.0
    task = setup.task
    rig.log(f"{time.monotonic() - began:.0f} s: {task.stage}. {task.line} {task.trouble or ''}")
    rig.shot("set_up")
    assert setup.is_ready(), task.trouble


def make_mesh():
    """A job in the backend that was just made."""
    bpy.context.scene.image_to_mesh.filepath = ARGS["image"]
    rig.redraw()
    yield from DRAWN
    _, main, _ = yield from rows_around_main()
    began = time.monotonic()
    yield from press(main, extension.is_busy)
    yield from rig.wait_until(lambda: not extension.is_busy(), PATIENCE_S)
    rig.log(f"{extension.last_job().state.value} {time.monotonic() - began:.1f} s after the click: {meshes()}")
    assert len(meshes()) == 1, extension.last_job().message


def remove():
    """Click Remove Backend, the second button of the topmost row, and agree."""
    setup, folder = extension.setup(), Path(ARGS["data"])
    alive = yield from live_buttons()
    assert (folder / "environment").is_dir()
    rig.click(*rig.centre(alive[1]))
    yield 1.0
    rig.shot("remove")
    rig.key("Return")
    yield from rig.wait_until(lambda: setup.task.title == "Removing" and setup.task.ended, PATIENCE_S)
    yield 1.0
    rig.shot("removed")
    left = sorted(path.name for path in folder.iterdir())
    rig.log(f"removed: {setup.task.trouble or 'well'}; left: {left}")
    assert not {"environment", "backend"} & set(left) and "jobs" in left and not setup.is_ready()


def steps():
    prefs = bpy.context.preferences.addons[extension.NAME].preferences
    prefs.data_folder, prefs.variant, prefs.show_weights = ARGS["data"], "CPU", False
    watch()
    yield from rig.open_sidebar("Image to Mesh")
    rig.shot("offline")
    yield from set_up()
    yield from make_mesh()
    show_preferences()
    yield 1.0
    yield from remove()
    log_holds()


rig.play(steps)

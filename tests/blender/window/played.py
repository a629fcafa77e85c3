# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared by the scripts of this folder: preferences, the stand-in for the backend, buttons, holds of Blender."""

import os
import sys
import tempfile
import time
from pathlib import Path

import bpy
import mathutils
import numpy as np
import rig
from bpy_extras.view3d_utils import location_3d_to_region_2d

ARGS = dict(argument.split("=", 1) for argument in rig.SESSION["args"])
sys.path.append(str(Path(ARGS["here"]).parent))
import extension  # noqa: E402

DATA = Path(tempfile.gettempdir()) / "image-to-mesh"
PATIENCE_S = 1200
HOLD_MS = 50
CALLED = ("draw", "poll", "execute", "invoke", "modal")  # by Blender, on its main thread
OPENING = "image_editor.ensure"  # Blender itself opens a window there

_opening_ms = [0.0]
holds = {}  # (ms of work, ms on the clock) of the longest call into each method of CALLED of our classes


def prepare(engine="", cube=True):
    """Preferences as an artist with an interpreter of their own would set them; Blender's default scene, with or
    without its cube."""
    prefs, settings = bpy.context.preferences.addons[extension.NAME].preferences, bpy.context.scene.image_to_mesh
    prefs.python, prefs.data_folder = ARGS["python"], str(DATA)
    settings.engine = (engine or settings.engine).upper()
    task = extension.tasks.task(settings.engine.lower())
    for name in [name for name in ARGS if name.startswith("set.")]:
        parameter = task.parameter(name.removeprefix("set."))
        setattr(getattr(settings, task.name), parameter.name, parameter.check(ARGS[name]))
    if not cube:
        bpy.data.objects.remove(bpy.data.objects["Cube"])
    bpy.ops.ed.undo_push(message="Prepare")
    if "double" in ARGS:
        use_double()


def use_double():
    """Start tests/blender/double instead of the backend."""
    protocol, process = extension.protocol, extension.process_module
    DATA.mkdir(exist_ok=True)
    command = protocol.command(ARGS["python"], ARGS["double"], "serve", "--jobs", DATA / "jobs")
    launch = process.Launch(command, protocol.environment(os.environ), DATA, DATA / "logs" / "backend.log")
    extension.start_as(launch)


def tallest_button(found):
    """`yield from tallest_button(found)` appends the tallest button of the sidebar that is not grey."""
    boxes = []
    yield from rig.buttons(rig.region("UI"), boxes)
    found += sorted(boxes, key=lambda box: box[1] - box[3])[:1]


def check_result(ob):
    """It stands on the floor beside the cube, and the view shows all of it, large."""
    low, high = extension.free_place.box_of(ob)
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


def check_apart(names):
    """No two of these objects overlap: their bounding boxes in the world."""
    boxes = np.array([extension.free_place.box_of(bpy.data.objects[name]) for name in names])
    counts = [int(extension.free_place.overlapping(box, boxes).sum()) for box in boxes]
    assert set(counts) <= {1}, f"each overlaps itself alone: {dict(zip(names, counts, strict=True))}"


def meshes():
    return [ob.name for ob in bpy.data.objects if "image_to_mesh_recipe" in ob]


def watch():
    """From now on, measure every call of Blender's into a panel, an operator, the preferences or the timer of ours."""
    timer = extension.session().timer
    tick = timer.tick
    timer.tick = lambda: measure("session.tick", tick)
    for name in [name for name in dir(bpy.types) if name.startswith("IMAGE_TO_MESH_")]:
        cls = getattr(bpy.types, name)
        for base in [base for base in cls.__mro__ if base.__module__.startswith(extension.NAME)]:
            for called in set(CALLED) & set(vars(base)):
                replace(base, called)
    replace(extension.preferences_panel.Preferences, "draw")
    ensure = extension.image_editor.ensure
    extension.image_editor.ensure = lambda: measure(OPENING, ensure)


def replace(cls, called):
    """Put a measuring function in a method's place. Blender counts its arguments, so that they are written out."""
    old, name = vars(cls)[called], f"{cls.__name__}.{called}"
    function = getattr(old, "__func__", old)
    if hasattr(function, "measures"):
        return

    def with_context(self, context):
        return measure(name, function, self, context)

    def with_event(self, context, event):
        return measure(name, function, self, context, event)

    new = with_event if called in {"invoke", "modal"} else with_context
    new.measures = True
    setattr(cls, called, classmethod(new) if isinstance(old, classmethod) else new)


def measure(name, function, *arguments):
    began, worked, opening = time.perf_counter(), time.thread_time(), _opening_ms[0]
    try:
        return function(*arguments)
    finally:  # on a busy machine the clock also counts the time of others
        took = 1000 * (time.thread_time() - worked) - (_opening_ms[0] - opening), 1000 * (time.perf_counter() - began)
        if name == OPENING:
            _opening_ms[0] += took[0]
        else:
            holds[name] = max(holds.get(name, took), took)


def log_holds():
    """Say how long Blender was held, and fail if that was too long."""
    session = extension.session()
    rig.log(f"longest hold {session.longest_ms:.1f} ms, longest import {session.longest_import_ms:.0f} ms")
    if _opening_ms[0]:
        rig.log(f"not counted: Blender opened a window for an Image Editor in {_opening_ms[0]:.0f} ms")
    slowest = sorted(holds.items(), key=lambda item: item[1], reverse=True)[:6]
    rig.log("longest calls:", ", ".join(f"{name} {ms[0]:.1f} ms ({ms[1]:.1f})" for name, ms in slowest))
    assert all(ms < HOLD_MS for _, (ms, _) in slowest)


def show_preferences():
    """Turn the 3D View into the preferences of this extension alone."""
    area = rig.area()
    area.type = "PREFERENCES"
    bpy.context.preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "Image to Mesh"
    with bpy.context.temp_override(window=rig.window(), area=area, region=area.regions[-1]):
        bpy.ops.preferences.addon_expand(module=extension.NAME)
    rig.redraw()


def press(box, until):
    """`yield from press(box, until)`: click until it is so; the first click into another area only wakes it up."""
    for _ in range(3):
        rig.click(*rig.centre(box))
        try:
            return (yield from rig.wait_until(until, 5, every=0.05))
        except TimeoutError:
            rig.log("clicked in vain")
    raise TimeoutError(f"clicking does nothing: {until}")


def live_buttons():
    """`found = yield from live_buttons()`: the boxes of all buttons in the preferences that are not grey."""
    boxes = []
    yield from rig.buttons(rig.region("WINDOW", "PREFERENCES"), boxes)
    return boxes

# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a set of weights in the preferences, by real clicks in a real window, against a server on loopback.
Before it, the bundles: a download that the server refuses. With the picture preferences.

Ends with status 0 only if nothing could be downloaded offline, half a download was no model, Resume finished it,
Verify found it whole, Remove removed it, and nothing held Blender for 50 ms.
"""

import sys

import bpy
import rig

sys.path.insert(0, next(a for a in rig.SESSION["args"] if a.startswith("here=")).removeprefix("here="))
from played import ARGS, DATA, PATIENCE_S, extension, live_buttons, log_holds, press, show_preferences, watch
from widgets import of_region, picture

MODEL = "sam-vit-base"
SHOWN_PX = 230, 1200  # of the preferences, from their upper edge, in the picture
SEARCH = "segment"  # shows this set and two others
WIDTHS_PX = (60, 250)  # of the leftmost button in a set's row: all other rows begin with wider or narrower ones


def rows():
    """`found = yield from rows()`: the live buttons of each set of weights that has any but its folder's."""
    rig.xdotool("mousemove", 5, 5)  # a button under the mouse has another colour, and a tooltip below it
    yield 1.0
    by_line = {}
    for box in (yield from live_buttons()):
        by_line.setdefault(box[3] // 4, []).append(box)
    lines = [sorted(line) for _, line in sorted(by_line.items(), reverse=True)]
    return [line for line in lines if WIDTHS_PX[0] < line[0][2] - line[0][0] < WIDTHS_PX[1]]


def shown():
    """The ids of the sets that the search finds, in the order of the preferences."""
    catalog, parts, matches = extension.catalog, extension.catalog.PARTS, extension.preferences_panel.matches
    return [w.id for part in parts for w in catalog.WEIGHTS if w.part == part and matches(w, SEARCH)]


def state():
    """The state of the set on disk, once the scan is over."""
    disk = extension.disk_scan()
    yield from rig.wait_until(lambda: disk.seen().complete and not disk.running, PATIENCE_S)
    yield 1.5
    return disk.seen().weights[MODEL]


def done():
    task = extension.background_task()
    return task and task.ended


def begin(number, verb):
    """Click a button of the set's row, agree where that is asked, and wait until the task has begun."""
    setup, before = extension.setup(), extension.background_task()
    row = (yield from rows())[shown().index(MODEL)]
    if verb in ("download", "remove"):
        rig.click(*rig.centre(row[number]))
        yield 1.5
        rig.shot(f"agree_{verb}")
        rig.key("Return")
    else:
        yield from press(row[number], lambda: setup.task is not before)
    yield from rig.wait_until(lambda: setup.task is not before, 20)
    rig.log(verb, "by a click:", setup.task.title)


def refused_bundle():
    """Click the first bundle's Download, which the server does not have: its box says so."""
    setup, before = extension.setup(), extension.background_task()
    boxes = yield from live_buttons()
    assert len(boxes) >= 4, "Repair Backend and three bundles"
    yield from press(boxes[1], lambda: setup.task is not before)
    yield from rig.wait_until(done, PATIENCE_S)
    yield 1.0
    rig.log(f"bundle: {setup.task.title}. {setup.task.trouble}")
    assert extension.bundle_rows.bundle_of(setup.task) and setup.task.trouble
    rig.shot("refused")


def steps():
    setup = extension.setup()
    prefs = bpy.context.preferences.addons[extension.NAME].preferences
    prefs.data_folder, prefs.python = str(DATA), ARGS["python"]
    watch()
    show_preferences()
    yield from state()
    rig.shot("bundles_offline")
    prefs.show_weights = True
    rig.redraw()
    yield 0.5
    rig.shot("offline")
    prefs.search = SEARCH
    rig.redraw()
    yield 0.5
    assert not (yield from rows()), "something can be downloaded offline"
    bpy.context.preferences.system.use_online_access = True
    rig.redraw()
    yield 0.5
    found = yield from rows()
    assert len(found) == len(shown()) == 3, f"the window shows {len(found)} sets"
    prefs.search = ""
    rig.redraw()
    yield 1.0
    left, _, right, top = of_region("WINDOW", "PREFERENCES")
    picture("preferences", (left, top - SHOWN_PX[1], right, top - SHOWN_PX[0]))
    prefs.search = SEARCH
    rig.redraw()
    yield 0.5
    yield from refused_bundle()
    yield from begin(0, "download")
    yield from rig.wait_until(lambda: setup.task.line == "31 of 61 MB", PATIENCE_S)
    yield 1.0
    rig.shot("downloading")
    yield from press((yield from live_buttons())[0], lambda: not setup.running)
    yield from rig.wait_until(done, 20)
    half = yield from state()
    rig.log(f"stopped: {setup.task.trouble.message}. {half['partial']} bytes lie there; folder {half['folder']!r}")
    assert half["partial"] >= 30_000_000 and not half["folder"]
    rig.shot("stopped")
    yield from begin(0, "download")
    yield from rig.wait_until(done, PATIENCE_S)
    whole = yield from state()
    rig.log(f"resumed: {setup.task.trouble or setup.task.stage}; {whole['origin']} {whole['folder']}")
    assert whole["origin"] == "downloaded" and not setup.task.trouble
    rig.shot("downloaded")
    yield from begin(0, "verify")
    yield from rig.wait_until(done, PATIENCE_S)
    rig.log(f"verified: {setup.task.trouble or setup.task.stage}")
    assert not setup.task.trouble
    yield from state()
    yield from begin(1, "remove")
    yield from rig.wait_until(done, PATIENCE_S)
    gone = yield from state()
    rig.log(f"removed: {setup.task.trouble or setup.task.stage}; folder {gone['folder']!r}, {gone['partial']} bytes")
    assert not gone["folder"] and not gone["partial"] and not setup.task.trouble
    log_holds()


rig.play(steps)

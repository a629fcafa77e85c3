# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that a script of this folder imports as `rig` inside Blender, played by plain_rig.py (docs/window-rig.md).

A script defines a generator of steps and ends with play(steps): after `yield SECONDS` Blender has drawn and handled
events for so long. Coordinates are Blender's: pixels from the bottom left of the window, which fills the screen.
"""

import json
import os
import subprocess
import time
import traceback

import bpy
import numpy as np

OUT = os.environ["RIG_OUT"]  # folder of pictures
SESSION = {"args": json.loads(os.environ["RIG_ARGS"])}  # NAME=VALUE texts for the script
MARK = (1.0, 0.0, 1.0)  # a colour that nothing else in the window has


def log(*words):
    print("[rig]", *words, flush=True)


def shot(name):
    """Save the screen as NAME.png; returns the path."""
    path = os.path.join(OUT, f"{name}.png")
    subprocess.run(["import", "-silent", "-window", "root", path], check=True, timeout=60)
    log("shot", path)
    return path


def done(status):
    """End Blender; plain_rig.py exits with this status."""
    with open(os.path.join(OUT, ".status"), "w") as file:
        file.write(str(status))
    bpy.ops.wm.quit_blender()


def play(steps):
    """Run the generator function from a timer, then end with status 0, or with 1 and error.png after an exception."""
    generator = steps()

    def tick():
        try:
            return next(generator)
        except StopIteration:
            done(0)
        except BaseException:
            traceback.print_exc()
            shot("error")
            done(1)

    bpy.app.timers.register(tick, first_interval=1.0, persistent=True)  # it outlives the loading of files


def wait_until(check, timeout=30.0, every=0.2):
    """`yield from wait_until(lambda: ...)`; TimeoutError."""
    end = time.monotonic() + timeout
    while not check():
        if time.monotonic() > end:
            raise TimeoutError(f"Not true within {timeout} s: {check}")
        yield every


def window():
    return bpy.context.window_manager.windows[0]


def area(kind="VIEW_3D"):
    return next(area for area in window().screen.areas if area.type == kind)


def region(kind="UI", area_kind="VIEW_3D"):
    return next(region for region in area(area_kind).regions if region.type == kind)


def redraw():
    for each in window().screen.areas:
        each.tag_redraw()


def open_sidebar(tab, area_kind="VIEW_3D"):
    """`yield from open_sidebar("Image to Mesh")`. A tab can be chosen only after the sidebar was drawn once."""
    area(area_kind).spaces.active.show_region_ui = True
    redraw()
    yield 0.8
    region("UI", area_kind).active_panel_category = tab
    redraw()
    yield 0.8


def xdotool(*words):
    subprocess.run(["xdotool", *map(str, words)], check=True, timeout=20)


def click(x, y, button=1):
    xdotool("mousemove", "--sync", int(x), window().height - 1 - int(y))
    xdotool("mousemove_relative", "--", 1, 0)  # Blender looks for the widget under the mouse when it moves
    xdotool("click", "--delay", 60, button)


def key(*keys):
    xdotool("key", *keys)


def buttons(of_region, found):
    """`yield from buttons(region, found)` appends the boxes (left, bottom, right, top) of the region's operator
    buttons, top to bottom, then left to right. Those that are greyed out are not found.

    Blender does not tell where buttons lie, so the theme paints them in MARK for one screenshot."""
    colors = bpy.context.preferences.themes[0].user_interface.wcol_tool
    before = {name: tuple(getattr(colors, name)) for name in ("inner", "inner_sel", "text")}
    for name, value in before.items():
        setattr(colors, name, (*MARK, 1.0)[: len(value)])
    redraw()
    yield 0.6
    image = bpy.data.images.load(shot(".buttons"))
    for name, value in before.items():
        setattr(colors, name, value)
    redraw()
    yield 0.3
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    pixels = pixels.reshape(height, width, 4)  # the bottom row first
    left, bottom = of_region.x, of_region.y + height - window().height
    part = pixels[bottom : bottom + of_region.height, left : left + of_region.width]
    mask = (part[..., 0] > 0.8) & (part[..., 1] < 0.25) & (part[..., 2] > 0.8)
    boxes = []
    for low, high in _runs(mask.sum(axis=1) >= 12):
        columns = _runs(mask[low:high].mean(axis=0) > 0.5) if high - low >= 8 else ()
        boxes += [
            (left + start, of_region.y + low, left + end, of_region.y + high)
            for start, end in columns
            if end - start >= 10
        ]
    found.extend(sorted(boxes, key=lambda box: (-box[3], box[0])))


def centre(box):
    return (box[0] + box[2]) // 2, (box[1] + box[3]) // 2


def _runs(flags):
    """(first, last + 1) of each row of true flags."""
    changes = np.flatnonzero(np.diff(np.concatenate([[False], np.asarray(flags, bool), [False]])))
    yield from zip(changes[::2].tolist(), changes[1::2].tolist(), strict=True)

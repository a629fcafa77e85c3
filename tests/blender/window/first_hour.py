# SPDX-License-Identifier: GPL-3.0-or-later
"""An artist's first hour in Blender's default scene, by the mouse alone, with the pictures crop, mask and variations.

`--stages mesh,result` plays some parts of it: mesh, crop, mask, prompt, variations, result, photograph. Ends with
status 0 only if the way to the first mesh took at most MOST clicks, and it stands on the floor beside the cube and is
framed; a drag cropped the image; a stroke of Blender's own brush erased a part of it, as its picture shows; a prompt's
image was made, made again and used; one of four variations was kept; Before / After, the turned picture and Material
Preview did what they say; the picture of a photograph of 12 megapixels came within a second; no two results overlap;
and nothing held Blender for 50 ms, but Blender itself where it opens a window for the Image Editor.

The stroke needs the brushes that Blender ships, which a rig may have to be shown (`--rig-argument=--bind ...`);
without them it is left out, and the log says so.
"""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import bpy
import mathutils
import numpy as np
import rig
from bpy_extras.view3d_utils import location_3d_to_region_2d

sys.path.insert(0, next(a for a in rig.SESSION["args"] if a.startswith("here=")).removeprefix("here="))
from played import ARGS, PATIENCE_S, check_apart, check_result, extension, log_holds, meshes, prepare, press, watch
from widgets import (
    DRAWN,
    click,
    drag,
    enter,
    fields,
    hit,
    join,
    live_in,
    of_area,
    of_region,
    pick,
    picture,
    point,
    rows_around_main,
    tabs,
    toggle_panel,
)

MOST, SET_UP_CLICKS = 7, 2  # Allow Online Access and Set Up Backend, which set_up.py plays
LIMIT_S, TRIES = 1.0, 3  # for the picture of a photograph
STAGES = "mesh,crop,mask,prompt,variations,result,photograph"
MASK_PX = 300  # half the side of the picture mask
FIRST_FILE = 60, -60  # pixels from the upper left of the file browser to the first file's picture
BROWSER, EDITOR = "FILE_BROWSER", "IMAGE_EDITOR"
FACES = 5000  # of Decimate, if nobody sets another number
clicks, times = [], {}


def settings():
    return bpy.context.scene.image_to_mesh


def counted(box, words):
    clicks.append(words)
    yield from click(box)


def watch_looks():
    """Keep when the backend was asked about an image, and when its answer came, however long Blender then draws."""
    shown, ask = extension.shown_input(), extension.shown_input().ask
    process, decode = extension.process_module, extension.process_module.decode

    def decoded(*frame):
        message = decode(*frame)
        if message.get("type") == "look":
            times["came"] = time.monotonic()
        return message

    shown.ask = lambda *question: (times.update(asked=time.monotonic()), ask(*question))
    process.decode = decoded


def shown_picture(words):
    """`seconds = yield from shown_picture(words)`: wait for the picture of the chosen image; the time until its answer
    came, without the redraws before and after, which take long where a processor draws."""
    shown, began = extension.shown_input(), time.monotonic()
    current = extension.input_preview.key_of
    asked = lambda: shown._asked and shown._asked[0] == current(bpy.context.scene)  # noqa: E731
    yield from rig.wait_until(lambda: asked() and not shown.waiting and shown.picture is not None, 60, every=0.02)
    seconds = times["came"] - times["asked"]
    rig.log(f"picture of {words}: {seconds:.2f} s, on the screen after {time.monotonic() - began:.2f} s: {shown.words}")
    return seconds


def begin(box):
    """Click until a job has begun, which may be over soon."""
    last = extension.last_job() and extension.last_job().id
    for _ in range(3):
        yield from click(box)
        with contextlib.suppress(TimeoutError):
            return (
                yield from rig.wait_until(
                    lambda: extension.is_busy() or (extension.last_job() and extension.last_job().id != last), 10
                )
            )
        rig.log("clicked in vain")
    raise TimeoutError("no job has begun")


def finished(count):
    """Wait for the end of all jobs, which shall make so many new meshes."""
    before = len(meshes())
    yield from rig.wait_until(lambda: not extension.is_busy(), PATIENCE_S)
    assert extension.last_job().state.value == "Done", extension.last_job().message
    assert len(meshes()) == before + count, meshes()
    yield from DRAWN


def make_mesh():
    """From the new extension to the first mesh; the backend is set up already."""
    point(300, 400)
    clicks.append("N")
    yield from hit("n")
    yield from counted((yield from tabs())[-1], "the tab")
    _, main, _ = yield from rows_around_main()
    yield from counted(main, "Image to Mesh, which asks for the file")
    yield from choose_file(Path(ARGS["image"]))
    yield from rig.wait_until(extension.is_busy, 10)
    yield from finished(1)
    rig.log(f"{len(clicks)} clicks and {SET_UP_CLICKS} for Set Up Backend:", ", ".join(clicks))
    assert len(clicks) + SET_UP_CLICKS <= MOST
    check_result(bpy.context.object)
    rig.shot("first_mesh")


def choose_file(path):
    """A double click in Blender's file browser, which opens in a window of its own."""
    windows = bpy.context.window_manager.windows
    yield from rig.wait_until(lambda: len(windows) > 1, 20)
    area = next(area for area in windows[-1].screen.areas if area.type == BROWSER)
    params = area.spaces.active.params
    params.directory, params.use_filter_folder = str(path.parent).encode(), False  # the file comes first
    yield 2.0
    rig.shot("browser")
    region = next(region for region in area.regions if region.type == "WINDOW")
    point(region.x + FIRST_FILE[0], region.y + region.height + FIRST_FILE[1], windows[-1])
    yield from DRAWN
    clicks.extend(2 * ["the file"])
    rig.xdotool("click", "--repeat", 2, "--delay", 60, 1)
    yield from rig.wait_until(lambda: settings().filepath == str(path), 10)


def crop():
    """A drag over the viewport, from an eighth of the image to seven eighths; then a click, for all of it."""
    before = extension.shown_input().picture.copy()
    region, wanted = rig.region("WINDOW"), (0.25, 0.125, 0.75, 0.875)
    width = rig.region("UI").x - region.x  # that the sidebar leaves free
    side = 0.9 * min(width, region.height)  # of the square image, in the middle of that
    middle = np.array([region.x + width / 2, region.y + region.height / 2])
    above, _, _ = yield from rows_around_main()
    yield from click(above[0][0])
    yield from rig.wait_until(lambda: not extension.shown_input().waiting, 20)
    yield from DRAWN
    ends = [middle + side * np.array([x - 0.5, 0.5 - y]) for x, y in (wanted[:2], wanted[2:])]
    yield from drag(ends, lambda: picture("crop", of_area()))
    yield from rig.wait_until(lambda: np.abs(np.array(settings().crop) - wanted).max() < 0.01, 10)
    yield from shown_picture("the cropped image")
    assert (extension.shown_input().picture != before).any()
    above, _, _ = yield from rows_around_main()
    yield from click(above[0][0])
    yield from rig.wait_until(lambda: not extension.shown_input().waiting, 20)
    yield from DRAWN
    rig.click(*middle)
    yield from rig.wait_until(lambda: tuple(settings().crop) == (0, 0, 1, 1), 10)
    yield from shown_picture("the whole image")
    assert (extension.shown_input().picture == before).all()


def mask():
    """Paint Mask, and a stroke across the object in the window that it opens."""
    above, _, _ = yield from rows_around_main()
    yield from click(above[0][1])
    yield from rig.wait_until(lambda: settings().source == "IMAGE" and settings().image, 20)
    window = bpy.context.window_manager.windows[-1]
    area = next(area for area in window.screen.areas if area.type == EDITOR)
    region = next(region for region in area.regions if region.type == "WINDOW")
    yield 2.0
    corner = np.array([region.x, region.y])
    ends = [corner + region.view2d.view_to_region(x, 0.5, clip=False) for x in (0.3, 0.7)]
    point(*ends[0], window)
    paint = bpy.context.scene.tool_settings.image_paint
    try:
        yield from rig.wait_until(lambda: paint.brush and paint.brush.blend == "ERASE_ALPHA", 10)
    except TimeoutError:
        rig.log("no stroke: this Blender has no brushes")
    else:
        yield from stroke(ends, window)
    x, y = window.x + region.x + region.width // 2, window.y + region.y + region.height // 2
    picture("mask_editor", (x - MASK_PX, y - MASK_PX, x + MASK_PX, y + MASK_PX))
    with bpy.context.temp_override(window=window):
        bpy.ops.wm.window_close()  # no window manager is there to be clicked
    yield from DRAWN
    left, _, right, top = of_region()
    picture("mask_panel", (left, top - 2 * MASK_PX, right, top))
    join("mask", "mask_editor", "mask_panel")


def stroke(ends, window):
    """Erase along a line, and bring that back."""
    before, row = extension.shown_input().picture.copy(), settings().image.size[1] // 2
    yield from drag(ends, window=window)
    yield from rig.wait_until(lambda: alpha(row) < 0.1, 10)
    yield from shown_picture("the image with a part erased")
    changed = (extension.shown_input().picture != before).any(-1).mean()
    rig.log(f"the stroke changed {changed:.0%} of the picture")
    assert changed > 0.02


def alpha(row):
    """Opacity of the mask in the middle of a row of pixels."""
    image = settings().image
    return image.pixels[4 * (row * image.size[0] + image.size[0] // 2) + 3]


def prompt():
    """Make Image, Again, Use."""
    yield from pick("Prompt")
    [field] = yield from fields("wcol_text")
    yield from enter(field, "a red car", lambda: settings().prompt == "a red car")
    made = []
    for _ in ("Make Image", "Again"):
        above, _, _ = yield from rows_around_main()
        yield from begin(above[0][0])
        yield from finished(0)
        yield from shown_picture("the prompt")
        made.append(extension.shown_input().picture.copy())
        rig.log("seed", settings().seed, settings().drawn.name, extension.last_job().id)
        rig.shot(f"prompt{len(made)}")
    assert settings().source == "PROMPT" and settings().seed == 1 and (made[0] != made[1]).any()
    above, _, _ = yield from rows_around_main()
    yield from press(above[0][1], lambda: settings().source == "IMAGE" and settings().image == settings().drawn)


def variations():
    """Four meshes of the file side by side; the third is selected by a click, and kept."""
    yield from pick("File")
    yield from shown_picture("the file again")
    before = set(meshes())
    _, _, below = yield from rows_around_main()
    yield from begin(below[0][0])
    yield from finished(4)
    made = sorted(set(meshes()) - before, key=lambda name: bpy.data.objects[name].location.x)
    seeds = [extension.history.provenance_of(version)["seed"] for version in extension.versions()][-4:]
    first = settings().seed
    assert seeds == list(range(first, first + 4)), seeds
    check_apart(meshes())
    picture("variations", of_area())
    ob, region = bpy.data.objects[made[2]], rig.region("WINDOW")
    centre = ob.matrix_world @ (sum((mathutils.Vector(corner) for corner in ob.bound_box), mathutils.Vector()) / 8)
    x, y = location_3d_to_region_2d(region, rig.area().spaces.active.region_3d, centre)
    rig.click(region.x + x, region.y + y)
    yield from rig.wait_until(lambda: bpy.context.object and bpy.context.object.name == made[2], 10)
    yield from DRAWN
    _, _, below = yield from rows_around_main()
    yield from press(below[2][0], lambda: set(meshes()) == before | {made[2]})


def result():
    """Decimate, Before / After, the turned picture, Material Preview."""
    before, shading = len(bpy.context.object.data.polygons), rig.area().spaces.active.shading
    yield from toggle_panel("Ready to Use")
    decimate = (yield from live_in("Ready to Use"))[0]
    yield from press(decimate, lambda: len(bpy.context.object.data.polygons) <= FACES)
    for count in (before, FACES):
        _, _, below = yield from rows_around_main()
        yield from press(below[2][0], lambda count=count: abs(len(bpy.context.object.data.polygons) - count) < 9)
    yield from press(below[1][1], lambda: extension.session().result.picture is not None)
    yield from DRAWN
    rig.shot("turned")
    for look in ("MATERIAL", "SOLID"):
        yield from press(below[2][1], lambda look=look: shading.type == look)
        yield from DRAWN
        rig.shot(f"shaded_{look.lower()}")


def photograph():
    """A photograph's picture while the backend runs, the best of some tries on a machine with other work, and by a new
    backend."""
    seconds = []
    for _ in range(TRIES):
        yield from choose(ARGS["image"], "the file")
        seconds.append((yield from choose(ARGS["photograph"], "12 megapixels")))
    assert min(seconds) < LIMIT_S
    yield from choose(ARGS["image"], "the file")
    os.kill(extension.process().pid, signal.SIGKILL)
    yield 2.0
    yield from choose(ARGS["photograph"], "12 megapixels by a new backend")
    rig.shot("photograph_shown")


def choose(path, words):
    """`seconds = yield from choose(path, words)`: until the picture of another file came."""
    settings().source, settings().filepath = "FILE", path
    rig.redraw()
    return (yield from shown_picture(words))


def steps():
    prepare()
    watch()
    watch_looks()
    parts = {"mesh": make_mesh, "crop": crop, "mask": mask, "prompt": prompt}
    parts |= {"variations": variations, "result": result, "photograph": photograph}
    stages = ARGS.get("stages", STAGES).split(",")
    if "mesh" not in stages:
        yield from rig.open_sidebar("Image to Mesh")
        settings().filepath = ARGS["image"]
        yield from shown_picture("the file")
    for name in stages:
        yield from parts[name]()
    check_apart(meshes())
    rig.log("apart from each other:", meshes())
    log_holds()


rig.play(steps)

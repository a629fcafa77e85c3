# SPDX-License-Identifier: GPL-3.0-or-later
"""Two windows with a scene each: Edit mode in the other one, a scene in no window, a window closed during a job.

For `--double`. Ends with status 0 only if every mesh arrived in the scene
it was asked for, not before Edit mode was left, and Ctrl+Z took away nothing else.
"""

import sys

import bpy
import rig

sys.path.insert(0, next(a for a in rig.SESSION["args"] if a.startswith("here=")).removeprefix("here="))
from played import ARGS, PATIENCE_S, extension, log_holds, prepare, watch


def made(scene):
    return [ob for ob in scene.collection.all_objects if "image_to_mesh_recipe" in ob]


def within(window):
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    region = next(region for region in area.regions if region.type == "WINDOW")
    return bpy.context.temp_override(window=window, area=area, region=region)


def generate(window):
    with within(window):
        bpy.ops.image_to_mesh.generate()
    return extension.jobs()[-1]


def finish():
    yield from rig.wait_until(lambda: not extension.is_busy(), PATIENCE_S)
    rig.log(f"{extension.last_job().state.value}: {extension.last_job().message}")


def steps():
    windows = bpy.context.window_manager.windows
    prepare()
    watch()
    bpy.context.scene.image_to_mesh.filepath = ARGS["image"]
    first = bpy.context.scene
    with within(windows[0]):
        bpy.ops.wm.window_new_main()
    yield 2.0
    windows[1].scene = second = bpy.data.scenes.new("Second")
    bpy.ops.ed.undo_push(message="Second scene")
    yield 1.0

    job = generate(windows[0])
    with within(windows[1]):
        bpy.ops.mesh.primitive_cube_add()
        bpy.ops.object.mode_set(mode="EDIT")
    rig.log("mode of the timers' context:", bpy.context.mode)
    yield from rig.wait_until(lambda: job.note, PATIENCE_S)
    rig.log("note:", job.note)
    rig.shot("waiting")
    assert "Edit" in job.note and not made(first)
    with within(windows[1]):
        bpy.ops.object.mode_set(mode="OBJECT")
        bpy.ops.ed.undo_push(message="Cube")
    yield from finish()
    assert len(made(first)) == 1 and not made(second)
    with within(windows[0]):
        bpy.ops.ed.undo()
    first, second = bpy.data.scenes["Scene"], bpy.data.scenes["Second"]
    assert not made(first) and second.objects, "undo took something else"

    generate(windows[0])
    third = bpy.data.scenes.new("Third")
    windows[0].scene = third
    yield from finish()
    assert extension.last_job().state.value == "Done" and len(made(bpy.data.scenes["Scene"])) == 1 and not made(third)

    windows[0].scene = bpy.data.scenes["Scene"]
    yield 0.5
    windows[1].scene.image_to_mesh.filepath = ARGS["image"]
    generate(windows[1])
    with within(windows[1]):
        bpy.ops.wm.window_close()
    yield from finish()
    assert extension.last_job().state.value == "Done" and len(made(bpy.data.scenes["Second"])) == 1
    log_holds()


rig.play(steps)

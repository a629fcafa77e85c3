# SPDX-License-Identifier: GPL-3.0-or-later
"""Images dropped on a viewport, in a real window, with the picture drop.

The drop is `wm.drop_import_file`, which Blender calls for files from the desktop: the rig has no desktop to drag from.
Ends with status 0 only if the files became jobs in their order, and all of them ended with meshes side by side.
"""

import shutil
import sys
from pathlib import Path

import bpy
import rig

sys.path.insert(0, next(a for a in rig.SESSION["args"] if a.startswith("here=")).removeprefix("here="))
from played import ARGS, PATIENCE_S, meshes, module, prepare

FOLDER = Path("/tmp/dropped")
NAMES = ("Chest", "Second", "Third")


def drop(view):
    """The files, where the mouse is."""
    with bpy.context.temp_override(window=rig.window(), area=rig.area(), region=view):
        files = [{"name": f"{name}.png"} for name in NAMES]
        return bpy.ops.wm.drop_import_file("INVOKE_DEFAULT", directory=f"{FOLDER}/", files=files)


def steps():
    queue, settings = module("addon.session").queue, bpy.context.scene.image_to_mesh
    prepare()
    settings.engine, settings.lrm.mesh_resolution = "LRM", 64
    FOLDER.mkdir()
    for name in NAMES:
        shutil.copyfile(ARGS["image"], FOLDER / f"{name}.png")
    yield from rig.open_sidebar("Image to Mesh")
    view = rig.region("WINDOW")
    rig.xdotool("mousemove", "--sync", view.width // 3, 500)
    yield 0.5
    rig.log(drop(view))
    yield 1.0
    rig.shot("drop")
    rig.key("i")  # Blender's menu of what takes images: Images to Meshes
    yield from rig.wait_until(lambda: queue.busy, 10)
    assert [job.name for job in queue.jobs()] == list(NAMES)
    yield from rig.wait_until(lambda: not queue.busy, PATIENCE_S)
    assert meshes() == list(NAMES) and not queue.failures
    apart = [bpy.data.objects[name].location.x for name in NAMES]
    assert apart == sorted(apart) and apart[0] < apart[1], apart


rig.play(steps)

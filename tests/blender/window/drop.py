# SPDX-License-Identifier: GPL-3.0-or-later
"""Images dropped on a viewport, in a real window, with the picture drop.

The drop is `wm.drop_import_file`, which Blender calls for files from the desktop: the rig has no desktop to drag from.
Ends with status 0 only if the files became jobs in their order, and all of them ended with meshes side by side. With
`--double` there are forty, of which one fails: then memory stays flat too, and nothing holds Blender for 50 ms.
"""

import resource
import shutil
import sys
import tempfile
from pathlib import Path

import bpy
import numpy as np
import rig

sys.path.insert(0, next(a for a in rig.SESSION["args"] if a.startswith("here=")).removeprefix("here="))
from played import ARGS, PATIENCE_S, extension, log_holds, meshes, prepare, watch

FOLDER = Path(tempfile.gettempdir()) / "dropped"
NAMES = [f"{number:02}" for number in range(40)] if "double" in ARGS else ["Chest", "Second", "Third"]
LOST = ["17"] if "double" in ARGS else []
KEPT_MB = 2.0  # that a job of the double may leave: object, mesh, material, version, and an undo step


def memory():
    """Megabytes that Blender holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def drop(view):
    """The files, where the mouse is."""
    with bpy.context.temp_override(window=rig.window(), area=rig.area(), region=view):
        files = [{"name": f"{name}.png"} for name in NAMES]
        return bpy.ops.wm.drop_import_file("INVOKE_DEFAULT", directory=f"{FOLDER}/", files=files)


def steps():
    settings = bpy.context.scene.image_to_mesh
    prepare()
    settings.lrm.mesh_resolution = 64
    FOLDER.mkdir()
    for name in NAMES:
        shutil.copyfile(ARGS["image"], FOLDER / f"{name}.png")
    for name in LOST:
        (FOLDER / f"{name}.png").write_text("refuse")
    watch()
    yield from rig.open_sidebar("Image to Mesh")
    view = rig.region("WINDOW")
    rig.xdotool("mousemove", "--sync", view.width // 3, 500)
    yield 0.5
    rig.log(drop(view))
    yield 1.0
    rig.shot("drop")
    rig.key("i")  # Blender's menu of what takes images: Images to Meshes
    yield from rig.wait_until(extension.is_busy, 10)
    assert [job.name for job in extension.jobs()] == NAMES
    yield from rig.wait_until(lambda: len(meshes()) >= len(NAMES) // 4, PATIENCE_S)
    quarter, held = len(meshes()), memory()
    yield from rig.wait_until(lambda: not extension.is_busy(), PATIENCE_S)
    made = [name for name in NAMES if name not in LOST]
    grown = (memory() - held) / (len(made) - quarter)
    rig.log(f"{len(made)} of {len(NAMES)} made, {extension.failures()}; {held:.0f} MB, and {grown:.2f} MB more a job")
    assert meshes() == made and [text.split(":")[0] for text in extension.failures()] == LOST
    if "double" in ARGS:
        log_holds()
        assert grown < KEPT_MB
    boxes = np.array([extension.free_place.box_of(bpy.data.objects[name]) for name in made])
    assert all(extension.free_place.overlapping(box, boxes).sum() == 1 for box in boxes), "each overlaps itself alone"


rig.play(steps)

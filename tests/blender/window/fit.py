# SPDX-License-Identifier: GPL-3.0-or-later
"""Fit to Scene in a real window, with the picture fit.

Ends with status 0 only if what was clicked and typed there became the settings, and a new mesh, the selected one and
the one in the active object's place stand where, and as high, as was asked.
"""

import sys

import bpy
import numpy as np
import rig

sys.path.insert(0, next(a for a in rig.SESSION["args"] if a.startswith("here=")).removeprefix("here="))
from played import ARGS, PATIENCE_S, extension, meshes, prepare, press
from widgets import (
    DRAWN,
    choose,
    click,
    enter,
    fields,
    live_in,
    of_area,
    picture,
    rows_around_main,
    texts,
    toggle_panel,
    within,
)

PANEL = "Fit to Scene"

PLACES = "CURSOR", "STAND", "FLOOR", "REPLACE"


def extent(ob):
    """Least and greatest world coordinates of the mesh."""
    bpy.context.view_layer.update()
    points = np.array([ob.matrix_world @ vertex.co for vertex in ob.data.vertices])
    return np.stack([points.min(0), points.max(0)])


def place(name):
    [menu] = yield from fields("wcol_menu", (yield from within(PANEL)))
    yield from choose(lambda: click(menu), PLACES.index(name))
    assert bpy.context.scene.image_to_mesh.placement.place == name


def generate():
    _, main, _ = yield from rows_around_main()
    yield from press(main, extension.is_busy)
    yield from rig.wait_until(lambda: not extension.is_busy(), PATIENCE_S)
    assert extension.last_job().state.value == "Done", extension.last_job().message
    yield 1.0
    return bpy.context.object


def steps():
    scene = bpy.context.scene
    ours = scene.image_to_mesh
    prepare(cube=False)
    ours.lrm.mesh_resolution = 96
    ours.filepath = ARGS["image"]
    scene.collection.children.link(bpy.data.collections.new("Shelf"))
    bpy.ops.ed.undo_push(message="Shelf")
    yield from rig.open_sidebar("Image to Mesh")
    yield from toggle_panel(PANEL)
    yield from place("FLOOR")
    [as_made] = yield from texts("wcol_option", (yield from within(PANEL)))
    yield from click(as_made)
    [height] = yield from fields("wcol_num", (yield from within(PANEL)))
    yield from enter(height, "1.8", lambda: abs(ours.placement.height - 1.8) < 1e-6)
    collection = (yield from fields("wcol_text", (yield from within(PANEL))))[-1]
    yield from enter(collection, "Shelf", lambda: ours.placement.collection)
    rig.xdotool("mousemove", 560, 520)
    yield from DRAWN
    rig.xdotool("keydown", "shift")
    rig.xdotool("click", "--delay", 60, 3)
    yield from DRAWN
    rig.xdotool("keyup", "shift")
    yield from DRAWN
    cursor = np.array(scene.cursor.location)
    rig.log("3D cursor:", cursor)
    assert np.abs(cursor).max() > 0.1, "Shift and the right button have not moved the 3D cursor"

    ob = yield from generate()
    low, high = extent(ob)
    rig.log("on the floor:", low, high)
    assert abs(low[2]) < 1e-4 and abs(high[2] - 1.8) < 1e-4
    assert np.allclose(ob.location[:2], cursor[:2], atol=1e-4) and ob.users_collection[0].name == "Shelf"

    yield from place("STAND")
    yield from enter(height, "0.9", lambda: abs(ours.placement.height - 0.9) < 1e-6)
    button = (yield from live_in(PANEL))[0]
    name = ob.name
    yield from press(button, lambda: np.ptp(extent(bpy.data.objects[name])[:, 2]) < 1)
    low, high = extent(bpy.data.objects[name])
    assert abs(low[2] - cursor[2]) < 1e-4 and abs(high[2] - low[2] - 0.9) < 1e-4

    bpy.ops.mesh.primitive_cylinder_add(radius=0.4, depth=2.4, location=(cursor[0] + 1.6, cursor[1], 1.2))
    bpy.context.object.name = "Block"
    bpy.ops.ed.undo_push(message="Block")
    box = extent(bpy.context.object)
    yield from place("REPLACE")
    block = yield from generate()
    assert block.name == "Block" and len(meshes()) == 2
    now = extent(block)
    rig.log("in the place of:", box.tolist(), now.tolist())
    assert np.allclose(now[:, 2], box[:, 2], atol=1e-3) and np.allclose(now.mean(0), box.mean(0), atol=1e-3)
    chosen = [bpy.data.objects[name] for name in meshes()]
    extension.viewport.look_at(rig.area(), chosen)
    for ob in bpy.data.objects:
        ob.select_set(False)
    yield 1.0
    picture("fit", of_area())


rig.play(steps)

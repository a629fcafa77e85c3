# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl+Z and Ctrl+Shift+Z through every button of the panel, in a real window, compared by content.

For `--double`. Ends with status 0 only if each button, clicked with the mouse, changed the file, Ctrl+Z left it as it
was before, and Ctrl+Shift+Z as it was after: every data-block and setting, as plain values.
"""

import json
import sys
import time
from pathlib import Path

import bpy
import numpy as np
import rig

sys.path.insert(0, next(a for a in rig.SESSION["args"] if a.startswith("here=")).removeprefix("here="))
sys.path.insert(1, str(Path(sys.path[0]).parent / "inside"))
from content import content, differences
from played import ARGS, PATIENCE_S, extension, prepare
from widgets import DRAWN, PANELS, click, titles, toggle_panel

CAMERA = {"elevation_deg": 20, "radius": 1.2, "fov_deg": 49, "shift": [0, 0], "size": [8, 6], "iou": 1}
BUTTONS = {  # by panel: names of the live ones from top to bottom
    "Ready to Use": ("decimate", "quad remesh", "texture", "normal map", "smooth by angle", "mark as asset"),
    "Fit to Scene": ("fit", "straighten", "match camera"),
    "History": ("delete version", "back to this one", "compare", "again", "another seed"),
    "Views to Mesh": ("view rig", "views to mesh"),
    "Novel View": ("camera", "viewport", "around"),
    "Refine in Place": ("refine",),
}


def ball():
    """Red on the right and blue on the left, as made here, with a version and a denser mesh."""
    maker, history, scene = extension.mesh_import, extension.history, bpy.context.scene
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=4, radius=0.4, location=(2, 0, 0))
    ob = bpy.context.object
    ob.name = "Ball"
    right = np.array([vertex.co.x > 0 for vertex in ob.data.vertices])
    colors = np.where(right[:, None], (230, 30, 30, 255), (30, 30, 230, 255)).astype(np.uint8)
    maker.add_colors(ob.data, colors)
    ob.data.materials.append(maker.build_material("Ball", colors))
    history.add(scene, "Light ball", ob.data, "").dense = bpy.data.meshes["Apple"]
    scene.image_to_mesh_version = 0


def same(expected):
    return not differences(content(), expected)


def pressed(name, box, failures):
    """Click, Ctrl+Z, Ctrl+Shift+Z, Ctrl+Z."""
    before, began = content(), time.monotonic()
    for _ in range(3):
        yield from click(box)
        yield from rig.wait_until(lambda: not extension.is_busy(), PATIENCE_S)
        yield from DRAWN
        if not same(before):
            break
    after = content()
    failed = extension.last_job() and extension.last_job().state.value == "Failed"
    words = [extension.last_job().message] if failed else [] if differences(after, before) else ["nothing happened"]
    extension.forget_ended_jobs()  # whose findings would move the panels below
    rig.xdotool("mousemove", 300, 500)
    yield from DRAWN
    for key, expected in (("ctrl+z", before), ("ctrl+shift+z", after), ("ctrl+z", before)):
        rig.key(key)
        try:
            yield from rig.wait_until(lambda expected=expected: same(expected), 15)
        except TimeoutError:
            words.append(f"{key}: {differences(content(), expected)[:3]}")
            break
    rig.log(name, *(words or ["as before, as after"]), f"{time.monotonic() - began:.0f} s")
    failures += [f"{name}: {word}" for word in words]


def live_below(title):
    boxes = []
    yield from rig.buttons(rig.region("UI"), boxes)
    return [box for box in boxes if box[3] <= title[1]]


def steps():
    scene = bpy.context.scene
    prepare()
    settings = scene.image_to_mesh
    settings.filepath, settings.prompt = ARGS["image"], "a red car"
    settings.views.size, settings.views.count = 32, 2
    settings.finish.faces, settings.finish.map_size = 60, "512"
    bpy.ops.image_to_mesh.generate()
    yield from rig.open_sidebar("Image to Mesh")
    yield from rig.wait_until(lambda: not extension.is_busy(), PATIENCE_S)
    recipe = json.loads(bpy.data.objects["Apple"]["image_to_mesh_recipe"]) | {"report": {"picture_camera": CAMERA}}
    bpy.data.objects["Apple"]["image_to_mesh_recipe"] = json.dumps(recipe)
    bpy.data.objects["Apple"].rotation_euler.z = 0.3  # for Straighten
    ball()
    settings.placement.height, failures = 3.0, []
    for panel, names in BUTTONS.items():
        if panel not in ARGS.get("stages", panel):
            continue
        active = "Apple" if panel == "Fit to Scene" else "Ball"
        for ob in bpy.data.objects:
            ob.select_set(ob.name == active)
        bpy.context.view_layer.objects.active = bpy.data.objects[active]
        bpy.ops.ed.undo_push(message="Before")
        yield from toggle_panel(panel)
        lines = yield from titles()
        boxes = yield from live_below(lines[PANELS.index(panel)])
        rig.log(panel, boxes)
        rig.shot(panel.replace(" ", "_"))
        for name, box in zip(names, boxes, strict=True):
            yield from pressed(name, box, failures)
        yield from toggle_panel(panel)
    assert not failures, "\n".join(failures)


rig.play(steps)

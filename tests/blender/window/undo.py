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
from widgets import DRAWN, click, drag, live_in, of_region, open_only, rows_around_main

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
    history.add(scene, "Old ball", bpy.data.meshes["Apple"].copy(), "")
    scene.image_to_mesh_version = 0
    for version in scene.image_to_mesh_versions:
        version.object = None  # so that the ball may go back to them all
    maker.select_only(ob, bpy.context.view_layer)


def same(expected):
    return not differences(content(), expected)


def is_baking():
    return any("bake" in name for name in extension.compat.modal_operators(rig.window()))


def close_other_windows():
    """Paint Mask opens one over the first, which keys would reach."""
    for window in bpy.context.window_manager.windows[1:]:
        with bpy.context.temp_override(window=window):
            bpy.ops.wm.window_close()


def pressed(name, box, failures, act=click, count=1):
    """Click, or what act(box) does; then Ctrl+Z, Ctrl+Shift+Z, Ctrl+Z, each as often as there are steps."""
    before, began = content(), time.monotonic()
    for _ in range(3):
        yield from act(box)
        yield from rig.wait_until(lambda: not (extension.is_busy() or is_baking()), PATIENCE_S)
        yield from DRAWN
        if not same(before):
            break
    close_other_windows()
    yield from DRAWN
    after = content()
    failed = extension.last_job() and extension.last_job().state.value == "Failed"
    words = [extension.last_job().message] if failed else [] if differences(after, before) else ["nothing happened"]
    extension.forget_ended_jobs()  # whose findings would move the panels below
    rig.xdotool("mousemove", 300, 500)
    yield from DRAWN
    for key, expected in (("ctrl+z", before), ("ctrl+shift+z", after), ("ctrl+z", before)):
        rig.key(*count * [key])
        try:
            yield from rig.wait_until(lambda expected=expected: same(expected), 15)
        except TimeoutError:
            words.append(f"{key}: {differences(content(), expected)[:3]}")
            break
    rig.log(name, *(words or ["as before, as after"]), f"{time.monotonic() - began:.0f} s")
    failures += [f"{name}: {word}" for word in words]


def crop(box):
    """Click on Crop, and drag over a part of the image, which is square."""
    yield from click(box)
    yield from rig.wait_until(lambda: not extension.shown_input().waiting, 20)
    yield from DRAWN
    left, bottom, right, top = of_region("WINDOW")
    x, y, half = (left + right) // 2, (bottom + top) // 2, min(right - left, top - bottom) // 4
    yield from drag([(x - half, y + half), (x + half, y - half)])


def choose(*names):
    """Select these objects, the first one as the active one, as a step that can be undone."""
    for ob in bpy.data.objects:
        ob.select_set(ob.name in names)
    bpy.context.view_layer.objects.active = bpy.data.objects[names[0]]
    bpy.ops.ed.undo_push(message="Before")
    rig.redraw()
    yield from DRAWN


def main_panel(failures):
    """The buttons that are always there; Keep This One is, after 4 Variations."""
    yield from choose("Ball")
    above, main, below = yield from rows_around_main()
    yield from pressed("image to mesh", main, failures)
    yield from pressed("4 variations", below[0][0], failures, count=4)
    yield from pressed("before / after", below[2][0], failures)
    yield from pressed("crop", above[0][0], failures, crop)
    with bpy.context.temp_override(window=rig.window(), area=rig.area(), region=rig.region("WINDOW")):
        bpy.ops.image_to_mesh.variations()
    yield from rig.wait_until(lambda: not extension.is_busy(), PATIENCE_S)
    yield from DRAWN
    _, _, below = yield from rows_around_main()
    yield from pressed("keep this one", below[2][0], failures)
    settings, image = bpy.context.scene.image_to_mesh, bpy.data.images.new("Drawn", 8, 8)
    image["image_to_mesh_prompt"] = settings.prompt
    settings.drawn, settings.source = image, "PROMPT"
    yield from choose("Ball")
    above, _, _ = yield from rows_around_main()
    yield from pressed("use", above[0][1], failures)
    bpy.context.scene.image_to_mesh.source = "FILE"
    yield from choose("Ball")
    above, _, _ = yield from rows_around_main()
    yield from pressed("paint mask", above[0][1], failures)


def steps():
    prepare()
    settings = bpy.context.scene.image_to_mesh
    extension.preferences().show_colors = False  # magenta, which is looked for, is a color of the double's mesh
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
    if "Main" in ARGS.get("stages", "Main"):
        yield from main_panel(failures)
    for panel, names in BUTTONS.items():
        if panel not in ARGS.get("stages", panel):
            continue
        bpy.context.scene.image_to_mesh_version = 0
        yield from choose("Apple" if panel == "Fit to Scene" else "Ball")
        yield from open_only(panel)
        boxes = yield from live_in(panel)
        rig.log(panel, boxes)
        rig.shot(panel.replace(" ", "_"))
        for name, box in zip(names, boxes, strict=True):
            yield from pressed(name, box, failures)
    assert not failures, "\n".join(failures)


rig.play(steps)

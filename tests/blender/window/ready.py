# SPDX-License-Identifier: GPL-3.0-or-later
"""From a result to a light asset and to files, in a real window, with the picture ready.

`--stages shape` or `files` does a half of it; `files` does with `--double`. Ends with status 0 only if real clicks
made it light, of quads, smooth and an asset with a picture; glTF, FBX and USD were written by way of search and file
browser, and Blender reads the colours back; and the file, saved with Ctrl+S, holds the same once Ctrl+O has opened it
again. run.py reads the glTF file with trimesh.
"""

import json
import sys
from pathlib import Path

import bpy
import mathutils
import numpy as np
import rig

sys.path.insert(0, next(a for a in rig.SESSION["args"] if a.startswith("here=")).removeprefix("here="))
sys.path.insert(1, str(Path(sys.path[0]).parent / "inside"))
from content import KINDS, content, differences
from played import ARGS, PATIENCE_S, extension, prepare, press
from widgets import (
    DRAWN,
    enter,
    fields,
    hit,
    join,
    live_in,
    of_region,
    picture,
    toggle_panel,
    type_words,
    whole,
    within,
)

FACES = 2000
OUT = Path(rig.OUT)
FILES = {"glb": "export gltf", "fbx": "export fbx", "usdc": "export universal"}  # and what to search for
READERS = {"fbx": bpy.ops.import_scene.fbx, "usdc": bpy.ops.wm.usd_import}
if not bpy.app.build_options.usd:  # as in Debian's Blender
    del FILES["usdc"], READERS["usdc"]


def spread(mesh):
    """Mean and standard deviation (6,) of the vertices' colours in sRGB, 0..1."""
    colors = extension.mesh_export.read_colors(mesh)[:, :3] / 255
    return np.concatenate([colors.mean(0), colors.std(0)])


def view_picture(name):
    """The mesh itself: the middle of the viewport, left of the sidebar."""
    ob, space = bpy.context.object, rig.area().spaces.active
    with bpy.context.temp_override(window=rig.window(), area=rig.area(), region=rig.region("WINDOW")):
        ob.select_set(True)
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_selected()
        ob.select_set(False)  # its wires would be orange
    yield from DRAWN
    space.region_3d.view_rotation = mathutils.Euler((1.25, 0, 0.4)).to_quaternion()
    space.region_3d.view_distance *= 2
    space.overlay.show_wireframes, space.overlay.wireframe_threshold = True, 1.0
    yield from DRAWN
    left, bottom, right, top = of_region("WINDOW")
    x, y = (left + right) // 2, (bottom + top) // 2
    picture(name, (x - 210, y - 210, x + 210, y + 210))


def browse(name, until):
    """In the file browser: the folder of this run, the file's name, and Return."""
    yield from rig.wait_until(lambda: any(area.type == "FILE_BROWSER" for area in rig.window().screen.areas), 20)
    yield from DRAWN
    box = of_region("WINDOW", "FILE_BROWSER")
    rig.xdotool("mousemove", (box[0] + box[2]) // 2, whole()[3] - (box[1] + box[3]) // 2)
    for _ in range(3):  # the first Return may only end the typing of a name
        if any(area.type == "FILE_BROWSER" for area in rig.window().screen.areas):
            params = rig.area("FILE_BROWSER").spaces.active.params
            params.directory, params.filename = str(OUT).encode(), name
            yield from DRAWN
            yield from hit("Return")
    yield from rig.wait_until(until, 60)
    yield from DRAWN


def hover():
    rig.xdotool("mousemove", 300, 400)
    yield from DRAWN


def export(ending, words):
    yield from hover()
    yield from hit("F3")
    yield from type_words(words)
    picture(f"search_{ending}", whole())
    yield from hit("Return")
    path = OUT / f"ready.{ending}"
    yield from browse(path.name, path.exists)
    rig.log(path.name, path.stat().st_size, "bytes")


def read_back(ending, expected):
    before = set(bpy.data.objects)
    READERS[ending](filepath=str(OUT / f"ready.{ending}"))
    [back] = [ob for ob in set(bpy.data.objects) - before if ob.type == "MESH" and "Ready" in ob.name]
    color = spread(back.data)
    rig.log(ending, "colours", color, "of", expected)
    assert np.abs(color - expected).max() < 0.01
    for ob in set(bpy.data.objects) - before:
        bpy.data.objects.remove(ob)


def show_asset():
    area = rig.area("PROPERTIES")
    area.ui_type = "ASSETS"
    yield 2.0
    area.spaces.active.params.asset_library_reference = "LOCAL"
    yield 3.0
    picture("asset", (area.x, area.y + area.height - 420, area.x + min(area.width, 330), area.y + area.height))


def shape(settings):
    """Lighter, of quads, smooth, an asset."""
    dense = len(bpy.context.object.data.polygons)
    yield from view_picture("dense")
    yield from toggle_panel("Ready to Use")
    numbers = yield from fields("wcol_num", (yield from within("Ready to Use")))
    yield from enter(numbers[0], str(FACES), lambda: settings.finish.faces == FACES)
    decimate, quads, _, _, smooth, asset = yield from live_in("Ready to Use")
    yield from press(decimate, lambda: len(bpy.context.object.data.polygons) <= FACES)
    yield from view_picture("light")
    yield from hover()
    yield from hit("ctrl+z")
    yield from rig.wait_until(lambda: len(bpy.data.objects["Ready"].data.polygons) == dense, 10)
    yield from press(quads, lambda: len(bpy.context.object.data.polygons[0].vertices) == 4)
    mesh = bpy.context.object.data
    rig.log(f"{dense} faces, then {FACES} asked for: {len(mesh.polygons)} quads")
    assert all(len(polygon.vertices) == 4 for polygon in mesh.polygons) and len(mesh.polygons) < 2 * FACES
    yield from view_picture("quads")
    yield from press(smooth, lambda: bpy.context.object.data.polygons[0].use_smooth)
    yield from press(asset, lambda: bpy.context.object.asset_data)
    assert bpy.context.object.preview.image_size[0] > 0
    yield from show_asset()
    rig.shot("whole")
    join("ready", "dense", "light", "quads", "asset")


def files():
    """Saved, exported, opened again, read back."""
    yield from hover()
    yield from hit("ctrl+s")
    yield from browse("ready.blend", (OUT / "ready.blend").exists)
    before, color = content(), spread(bpy.data.objects["Ready"].data)
    unused = {block.name for kind in KINDS for block in getattr(bpy.data, kind) if not block.users} | {"Viewer Node"}
    (OUT / "ready.json").write_text(json.dumps(color.tolist()))
    for ending, words in FILES.items():
        yield from export(ending, words)
    bpy.ops.wm.read_homefile()
    yield 2.0
    assert "Ready" not in bpy.data.objects
    yield from hover()
    yield from hit("ctrl+o")
    yield from browse("ready.blend", lambda: "Ready" in bpy.data.objects)
    told = [part for part in differences(content(), before) if part[1] not in unused]
    rig.log("after opening it again:", told or "the same", [v.name for v in bpy.context.scene.image_to_mesh_versions])
    assert not told
    for ending in READERS:
        read_back(ending, color)


def steps():
    settings = bpy.context.scene.image_to_mesh
    stages = ARGS.get("stages", "shape,files")
    prepare(cube=False)
    bpy.context.preferences.view.filebrowser_display_type = "SCREEN"
    settings.filepath = ARGS["image"]
    if "double" not in ARGS:
        settings.lrm.mesh_resolution = 96
    yield from rig.open_sidebar("Image to Mesh")
    bpy.ops.image_to_mesh.generate()
    yield from rig.wait_until(lambda: not extension.is_busy(), PATIENCE_S)
    assert extension.last_job().state.value == "Done", extension.last_job().message
    bpy.context.object.name = "Ready"
    bpy.ops.ed.undo_push(message="Ready")
    if "shape" in stages:
        yield from shape(settings)
    if "files" in stages:
        yield from files()


rig.play(steps)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions in a real window, with the pictures history and compared.

Ends with status 0 only if a real click on Another Seed made a second version, and the status bar told of the job's end.
"""

import sys

import bpy
import rig

sys.path.insert(0, next(a for a in rig.SESSION["args"] if a.startswith("here=")).removeprefix("here="))
from played import ARGS, PATIENCE_S, extension, meshes, open_panel, prepare, press


def steps():
    scene = bpy.context.scene
    settings, versions = scene.image_to_mesh, scene.image_to_mesh_versions
    prepare()
    settings.engine, settings.filepath = "ONE2345", ARGS["image"]
    settings.one2345.mesh_resolution = 96
    open_panel("history")
    yield from rig.open_sidebar("Image to Mesh")
    told = []
    write = extension.session().write_status
    extension.session().write_status = lambda text: (told.append(text), write(text))
    bpy.ops.image_to_mesh.generate()
    yield from rig.wait_until(lambda: not extension.is_busy(), PATIENCE_S)
    assert extension.last_job().state.value == "Done", extension.last_job().message
    yield 1.0
    rig.shot("history")
    boxes = []
    yield from rig.buttons(rig.region("UI"), boxes)
    left, y0, right, y1 = boxes[-1]  # of Another Seed, or of the row that it ends
    yield from press((right - (right - left) // 4, y0, right, y1), extension.is_busy)
    yield from rig.wait_until(lambda: not extension.is_busy(), PATIENCE_S)
    seeds = [extension.history.provenance_of(version)["seed"] for version in versions]
    rig.log("seeds:", seeds, "told:", told)
    assert seeds == [0, 1] and any("is done" in (text or "") for text in told)
    scene.image_to_mesh_version = 0
    bpy.ops.image_to_mesh.put_beside()
    bpy.context.view_layer.update()
    for ob in bpy.data.objects:
        ob.select_set(ob.name in meshes())
    area = rig.area()
    with bpy.context.temp_override(window=rig.window(), area=area, region=rig.region("WINDOW")):
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_selected()
    yield 1.0
    rig.shot("compared")


rig.play(steps)

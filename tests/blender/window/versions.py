# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions in a real window, with the pictures history and compared.

Ends with status 0 only if a real click on Another Seed made a second version, the status bar told of the job's end, the
first version selected its object, and a real click on Compare put it beside the others until
Ctrl+Z.
"""

import sys

import bpy
import rig

sys.path.insert(0, next(a for a in rig.SESSION["args"] if a.startswith("here=")).removeprefix("here="))
from played import ARGS, PATIENCE_S, check_apart, extension, meshes, prepare, press
from widgets import hit, live_in, of_area, picture, toggle_panel


def steps():
    scene = bpy.context.scene
    settings, versions = scene.image_to_mesh, scene.image_to_mesh_versions
    prepare()
    settings.filepath = ARGS["image"]
    yield from rig.open_sidebar("Image to Mesh")
    told = []
    write = extension.session().write_status
    extension.session().write_status = lambda text: (told.append(text), write(text))
    bpy.ops.image_to_mesh.generate()
    yield from rig.wait_until(lambda: not extension.is_busy(), PATIENCE_S)
    assert extension.last_job().state.value == "Done", extension.last_job().message
    yield 1.0
    yield from toggle_panel("History")
    picture("history", of_area())
    yield from press((yield from live_in("History"))[-1], extension.is_busy)
    yield from rig.wait_until(lambda: not extension.is_busy(), PATIENCE_S)
    seeds = [extension.history.provenance_of(version)["seed"] for version in versions]
    rig.log("seeds:", seeds, "told last:", told[-1])
    assert seeds == [0, 1] and any("is done" in (text or "") for text in told)
    first, second = meshes()
    assert bpy.context.object.name == second
    scene.image_to_mesh_version = 0
    assert bpy.context.object.name == first, "a version selects the object that shows it"
    yield 1.0
    compare = (yield from live_in("History"))[-3]
    yield from press(compare, lambda: versions[0].mesh.users > 2)
    check_apart([ob.name for ob in bpy.data.objects if ob.type == "MESH"])
    rig.xdotool("mousemove", 300, 500)
    yield from hit("ctrl+z")
    yield from rig.wait_until(lambda: len(meshes()) == 2, 10)
    chosen = [bpy.data.objects[name] for name in meshes()]
    extension.viewport.look_at(rig.area(), chosen)
    yield 1.0
    picture("compared", of_area())


rig.play(steps)

# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scripts of this folder share: the extension's modules, its preferences, the stand-in, the tall button."""

import os
import sys
from pathlib import Path

import bpy
import rig

NAME = "bl_ext.user_default.image_to_mesh"
ARGS = dict(argument.split("=", 1) for argument in rig.SESSION["args"])
DATA = Path("/tmp/image-to-mesh")
PATIENCE_S = 600
HOLD_MS = 50


def module(name):
    return sys.modules[f"{NAME}.{name}"]


def prepare():
    """Preferences as an artist with an interpreter of their own would set them; the default scene without its cube."""
    prefs = bpy.context.preferences.addons[NAME].preferences
    prefs.python, prefs.data_folder = ARGS["python"], str(DATA)
    engine = module("backend.interface.parameters").ENGINES[0]
    for name in [name for name in ARGS if name.startswith("set.")]:
        parameter = engine.parameter(name.removeprefix("set."))
        setattr(getattr(bpy.context.scene.image_to_mesh, engine.name), parameter.name, parameter.check(ARGS[name]))
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    bpy.ops.ed.undo_push(message="Remove the cube")
    if "double" in ARGS:
        use_double()


def use_double():
    """Start tests/blender/double instead of the backend."""
    protocol, process = module("backend.interface.protocol"), module("addon.process")
    DATA.mkdir(exist_ok=True)
    command = protocol.command(ARGS["python"], ARGS["double"], "serve", "--jobs", DATA / "jobs")
    launch = process.Launch(command, protocol.environment(os.environ), DATA, DATA / "logs" / "backend.log")
    module("addon.session").queue.launch = lambda: lambda: launch


def tallest_button(found):
    """`yield from tallest_button(found)` appends the tallest button of the sidebar that is not grey."""
    boxes = []
    yield from rig.buttons(rig.region("UI"), boxes)
    found += sorted(boxes, key=lambda box: box[1] - box[3])[:1]


def meshes():
    return [ob.name for ob in bpy.data.objects if "image_to_mesh_recipe" in ob]


def log_holds():
    """Say how long Blender was held, and fail if that was too long."""
    session = module("addon.session")
    rig.log(f"longest hold {session.longest_ms:.1f} ms, longest import {session.longest_import_ms:.0f} ms")
    assert session.longest_ms < HOLD_MS

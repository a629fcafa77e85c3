# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage of each check: Blender as after its first start, the extension in it, and a stand-in for the backend."""

import itertools
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import bpy
import mathutils

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))  # for extension
sys.path.append(str(HERE.parents[2]))  # for tests.support

import extension  # noqa: E402
from extension import settings  # noqa: E402

ZIP, DOUBLE, HOST_PYTHON = sys.argv[1:4]
RESOURCES = Path(os.environ["BLENDER_USER_RESOURCES"])
INSTALLED = RESOURCES / "extensions" / "user_default" / "image_to_mesh"
DATA = RESOURCES / "dáta 資料"  # spaces and letters of two scripts, as in many a user's name
PATIENCE_S = 60.0


def fresh():
    """Factory settings, the factory scene, no files of an earlier check, the extension newly registered, and no scans
    of the disk."""
    if extension.NAME in bpy.context.preferences.addons:
        disable()
    bpy.ops.wm.read_factory_settings()
    for path in RESOURCES.iterdir():
        if path.name != "extensions":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    enable() if INSTALLED.exists() else install()
    use_double()
    extension.let_disk_be_scanned(False)


def enable():
    bpy.ops.preferences.addon_enable(module=extension.NAME)


def disable():
    bpy.ops.preferences.addon_disable(module=extension.NAME)


def install():
    bpy.ops.extensions.package_install_files(filepath=ZIP, repo="user_default", enable_on_install=True)


def uninstall():
    names = [repo.module for repo in bpy.context.preferences.extensions.repos]
    bpy.ops.extensions.package_uninstall(repo_index=names.index("user_default"), pkg_id="image_to_mesh")


def use_double():
    """A named interpreter, and the stand-in in the backend's place."""
    prefs = extension.preferences()
    prefs.python, prefs.data_folder = HOST_PYTHON, str(DATA)
    protocol = extension.protocol
    command = protocol.command(HOST_PYTHON, DOUBLE, "serve", "--jobs", extension.jobs_folder(DATA))
    log = extension.log_path(DATA)
    extension.start_as(extension.process_module.Launch(command, protocol.environment(os.environ), RESOURCES, log))


def choose(script):
    """Choose an image file, whose text tells the double what to do."""
    path = Path(tempfile.mkdtemp(prefix="Bílder 画像 ", dir=RESOURCES)) / "Apple.png"
    path.write_text(script)
    settings().engine, settings().source, settings().filepath = "ONE2345", "FILE", str(path)


def generate(script="views"):
    """Make a mesh of an image with this text, wait for it, and return the object."""
    choose(script)
    assert bpy.ops.image_to_mesh.generate(wait=True) == {"FINISHED"}
    return bpy.context.object


def overlaps(objects):
    """Pairs of names whose boxes in the world share space."""
    boxes = {ob.name: [ob.matrix_world @ mathutils.Vector(corner) for corner in ob.bound_box] for ob in objects}
    spans = {name: [(min(p[i] for p in box), max(p[i] for p in box)) for i in range(3)] for name, box in boxes.items()}
    return [
        (a, b)
        for a, b in itertools.combinations(spans, 2)
        if all(spans[a][i][0] < spans[b][i][1] - 1e-4 and spans[b][i][0] < spans[a][i][1] - 1e-4 for i in range(3))
    ]


def activate(ob):
    bpy.context.view_layer.objects.active = ob


def select(*chosen):
    """Select these objects alone, and make the first one active."""
    for ob in bpy.context.view_layer.objects:
        ob.select_set(ob in chosen)
    activate(chosen[0] if chosen else None)


def run(until):
    """Tick until it is so."""
    end = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < end, "nothing happened"
        extension.tick()
        time.sleep(0.01)


def request_of(job):
    """The request that the double received for a job."""
    return json.loads((Path(job.folder) / "request.json").read_text())


def raises(operator, *words, **arguments):
    """The operator reports an error that has the words in it."""
    try:
        operator(**arguments)
    except RuntimeError as error:
        assert all(word in str(error) for word in words), error
    else:
        raise AssertionError("no error was reported")


def raises_trouble(call, *arguments):
    """The call raises Trouble with a remedy; returns the trouble."""
    try:
        call(*arguments)
    except extension.trouble.Trouble as trouble:
        assert trouble.remedy, trouble
        return trouble
    raise AssertionError("no trouble")


def cases(**named):
    """Run the check once for each keyword, with the keyword's tuple as its arguments."""

    def add(check):
        check.cases = named
        return check

    return add

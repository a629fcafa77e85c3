# SPDX-License-Identifier: GPL-3.0-or-later
"""What the checks share: the extension's modules, a stand-in for the backend, an image to choose, patience."""

import os
import sys
import tempfile
import time
from pathlib import Path

import bpy

ZIP, DOUBLE, HOST_PYTHON = sys.argv[1:4]
NAME = "bl_ext.user_default.image_to_mesh"
RESOURCES = Path(os.environ["BLENDER_USER_RESOURCES"])
DATA = RESOURCES / "dáta 資料"  # spaces and letters of two scripts, as in many a user's name
PATIENCE_S = 60.0
sys.path.append(str(Path(__file__).resolve().parents[3]))  # for tests.support


def module(name):
    return sys.modules[f"{NAME}.{name}"]


def the_session():
    return module("addon.session").current()


def settings():
    return bpy.context.scene.image_to_mesh


def preferences():
    return bpy.context.preferences.addons[NAME].preferences


def made():
    return [ob for ob in bpy.data.objects if "image_to_mesh_recipe" in ob]


def repository():
    names = [repo.module for repo in bpy.context.preferences.extensions.repos]
    return names.index("user_default")


def install():
    bpy.ops.extensions.package_install_files(filepath=ZIP, repo="user_default", enable_on_install=True)


def use_double():
    """A named interpreter, and the stand-in in the backend's place."""
    prefs = bpy.context.preferences.addons[NAME].preferences
    prefs.python, prefs.data_folder = HOST_PYTHON, str(DATA)
    protocol, process = module("backend.interface.protocol"), module("addon.jobs.process")
    command = protocol.command(HOST_PYTHON, DOUBLE, "serve", "--jobs", DATA / "jobs")
    launch = process.Launch(command, protocol.environment(os.environ), RESOURCES, DATA / "logs" / "backend.log")
    the_session().queue.launch = lambda: lambda: launch


def choose(script):
    """Choose an image file, whose text tells the double what to do."""
    path = Path(tempfile.mkdtemp(prefix="Bílder 画像 ", dir=RESOURCES)) / "Apple.png"
    path.write_text(script)
    settings().engine, settings().source, settings().filepath = "ONE2345", "FILE", str(path)


def run(until):
    end = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < end, "nothing happened"
        the_session().tick()
        time.sleep(0.01)


def raises(operator, *words, **arguments):
    """The operator reports an error that has the words in it."""
    try:
        operator(**arguments)
    except RuntimeError as error:
        assert all(word in str(error) for word in words), error
    else:
        raise AssertionError("no error was reported")


def make_job(delivery=None, engine="", name="x"):
    """A job that was not started by a button."""
    job, delivery = module("addon.jobs.job"), delivery or module("addon.scene.delivery").at_cursor(bpy.context.scene)
    return job.Job(job.Request(engine, {}, 0, dict, name), delivery)

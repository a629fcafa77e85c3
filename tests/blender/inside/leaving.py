# SPDX-License-Identifier: GPL-3.0-or-later
"""A large mesh, an upgrade, disabling, removal."""

import os
import threading

import bpy
from stage import DATA, NAME, RESOURCES, choose, install, made, module, repository, run, the_session, use_double


def check_a_million_triangles_arrive_whole():
    choose("grid:500000")
    count = len(made())
    bpy.ops.image_to_mesh.generate(wait=True)
    mesh = bpy.context.object.data
    assert len(made()) == count + 1 and len(mesh.vertices) == 708**2 and len(mesh.polygons) == 2 * 707**2
    assert not mesh.validate(verbose=True)


def check_an_upgrade_brings_new_code():
    before = module("addon.session")
    install()
    assert module("addon.session") is not before


def check_disabling_leaves_nothing():
    use_double()
    choose("wait")
    bpy.ops.image_to_mesh.generate()
    session = the_session()
    run(lambda: session.queue.active and session.queue.active.progress.stage == "wait")
    pid = session.queue.process.pid
    bpy.ops.preferences.addon_disable(module=NAME)
    assert not hasattr(bpy.types.Scene, "image_to_mesh")
    assert not [name for name in dir(bpy.types) if name.startswith("IMAGE_TO_MESH")]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("Image to Mesh reader")]
    try:
        os.kill(pid, 0)
        raise AssertionError("the backend is still there")
    except ProcessLookupError:
        pass
    bpy.ops.preferences.addon_enable(module=NAME)
    assert hasattr(bpy.types.Scene, "image_to_mesh")


def check_removal_keeps_the_data_folder():
    bpy.ops.extensions.package_uninstall(repo_index=repository(), pkg_id="image_to_mesh")
    assert not (RESOURCES / "extensions" / "user_default" / "image_to_mesh").exists()
    assert not hasattr(bpy.types.Scene, "image_to_mesh") and any((DATA / "jobs").iterdir())

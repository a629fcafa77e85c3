# SPDX-License-Identifier: GPL-3.0-or-later
"""Installing, upgrading, disabling and removing the extension."""

import os
import sys
import threading

import bpy
from stage import DATA, INSTALLED, choose, disable, enable, extension, generate, install, run, uninstall


def check_install_registers_and_starts_nothing():
    uninstall()
    install()
    for name in ("generate", "cancel", "import_finished", "paste_image", "set_up", "download_model", "show_log"):
        assert hasattr(bpy.types, f"IMAGE_TO_MESH_OT_{name}"), name
    for name in ("main", "improve", "finishing", "all_views", "advanced", "maintenance"):
        assert hasattr(bpy.types, f"IMAGE_TO_MESH_PT_{name}"), name
    assert extension.process() is None and "torch" not in sys.modules
    assert not extension.is_ticking()


def check_an_upgrade_brings_new_code():
    before = extension.session_module
    install()
    assert extension.session_module is not before


def check_disabling_leaves_nothing():
    choose("wait")
    bpy.ops.image_to_mesh.generate()
    run(lambda: (job := extension.active_job()) and job.stage == "wait")
    pid = extension.process().pid
    disable()
    assert not hasattr(bpy.types.Scene, "image_to_mesh")
    assert not [name for name in dir(bpy.types) if name.startswith("IMAGE_TO_MESH")]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("Image to Mesh reader")]
    try:
        os.kill(pid, 0)
        raise AssertionError("the backend is still there")
    except ProcessLookupError:
        pass
    enable()
    assert hasattr(bpy.types.Scene, "image_to_mesh")


def check_removal_keeps_the_data_folder():
    generate()
    uninstall()
    assert not INSTALLED.exists() and not hasattr(bpy.types.Scene, "image_to_mesh")
    assert any(extension.jobs_folder(DATA).iterdir())

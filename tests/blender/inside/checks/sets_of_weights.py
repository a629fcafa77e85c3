# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights: the choice in the panel, and the life of a set, through the backend's own command line."""

import os
from unittest.mock import patch

import bpy
from stage import DATA, RESOURCES, choose, extension, run, settings

from tests.support.published import Server

SET = "sam-vit-base"
FILES = {"config.json": b"{}", "model.safetensors": bytes(500_000), "preprocessor_config.json": b"{}"}


def lacking(group):
    seen = extension.disk_scan().seen()
    return [weights.id for weights in extension.choices.lacking_weights(group, seen)]


def check_the_choices_say_what_is_downloaded():
    extension.let_disk_be_scanned(True)
    value_of, group, task = extension.engine_settings.value_of, settings().one2345, extension.tasks.ONE2345
    weights = task.parameter("weights")
    assert value_of(settings(), task, weights) == "starter" and not lacking(group)
    run(lambda: extension.disk_scan().seen().complete)
    items = {item[0]: item[1:4:2] for item in extension.choices.weights_items(task)}
    assert items["STARTER"] == ("Starter (built in)", "NONE")
    assert items["ZERO123-XL"] == ("Zero123-XL, original", "IMPORT")  # a picture: words would cut off the title
    group.weights = "ZERO123-XL-DIFFUSERS"
    assert value_of(settings(), task, weights) == "zero123-xl-diffusers"
    assert lacking(group) == ["zero123-xl-diffusers", "one2345-sparseneus"]
    group.weights, group.weights_path = "OWN", str(RESOURCES / "own.ckpt")
    assert value_of(settings(), task, weights) == str(RESOURCES / "own.ckpt")
    assert not lacking(group)


def check_each_engine_offers_its_own_weights():
    items, tasks = extension.choices.weights_items, extension.tasks
    words = {item[0] for item in items(tasks.DREAMFUSION)}
    images = {item[0] for item in items(tasks.ONE2345)}
    assert words == {"STARTER-TEXT", "STABLE-DIFFUSION-1-5", "STABLE-DIFFUSION-2-1-BASE", "OWN"}
    assert "STARTER" in images and words & images == {"OWN"}
    settings().dreamfusion.weights = "STABLE-DIFFUSION-1-5"
    assert lacking(settings().dreamfusion) in ([], ["stable-diffusion-1-5"])  # nothing is known before a look


def check_weights_are_downloaded_verified_and_removed_by_the_backend():
    """The real command line of the backend, in the host's Python, and a server on loopback."""
    server, folder, disk = Server(), DATA / "weights" / SET, extension.disk_scan()
    server.files = FILES
    extension.let_disk_be_scanned(True)
    with patch.dict(os.environ, HF_ENDPOINT=server.address):
        assert not bpy.ops.image_to_mesh.download_model.poll()  # offline
        bpy.context.preferences.system.use_online_access = True
        stop_half_way(server)
        assert not disk.seen().weights[SET]["folder"]
        assert act("download") is None
        run(lambda: disk.seen().weights[SET]["folder"] == str(folder))
        assert {path: (folder / path).read_bytes() for path in FILES} == FILES
        assert act("verify") is None
        (folder / "model.safetensors").write_bytes(bytes(499_999) + b"1")
        assert "damaged" in act("verify").message
        run(lambda: disk.seen().weights[SET]["folder"] == "")
        assert act("download") is None and act("remove") is None and not folder.exists()
        bpy.context.preferences.system.use_online_access = False
        assert "switched off" in download_past_the_button().message
    server.close()


def stop_half_way(server):
    """Begin a download that stalls, stop it, and wait until its half has been seen."""
    choose("views")
    server.stall.set()
    bpy.ops.image_to_mesh.download_model(model=SET)
    run(server.stalled.is_set)
    assert bpy.ops.image_to_mesh.generate.poll() and not bpy.ops.image_to_mesh.download_model.poll()
    run(lambda: "MB" in extension.background_task().line)
    bpy.ops.image_to_mesh.stop_task()
    run(lambda: extension.background_task().ended)
    assert "resume" in extension.background_task().trouble.remedy
    server.stall.clear()
    server.go_on.set()
    disk = extension.disk_scan()
    run(lambda: disk.seen().weights.get(SET, {}).get("partial", 0) >= 1 and not disk.running)


def act(verb):
    """Press a button of the set, wait, and return the trouble, if any."""
    getattr(bpy.ops.image_to_mesh, f"{verb}_model")(model=SET)
    run(lambda: extension.background_task().ended)
    return extension.background_task().trouble


def download_past_the_button():
    """The backend's answer to a download that Blender should not have let through."""
    extension.weights.begin(extension.setup(), extension.folders.chosen(), "download", SET)
    run(lambda: extension.background_task().ended)
    return extension.background_task().trouble

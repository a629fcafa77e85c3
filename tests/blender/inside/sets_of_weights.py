# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights: the choice, and the life of a set, through the backend's own command line."""

import os

import bpy
from stage import DATA, RESOURCES, choose, module, run, settings, the_session


def check_weights_are_a_choice_of_what_is_there():
    properties, choices, disk = (
        module("addon.settings.engines"),
        module("addon.settings.choices"),
        the_session().disk_scan,
    )
    engine = module("backend.interface.tasks").task("one2345")
    weights = engine.parameter("weights")
    group = settings().one2345
    assert properties.value_of(settings(), engine, weights) == "starter" and not choices.lacking_weights(
        group, disk.seen()
    )
    run(lambda: disk.seen().complete)
    titles = {item[0]: item[1] for item in choices.weights_items(engine)}
    assert titles["STARTER"] == "Starter (built in)" and titles["ZERO123-XL"].endswith("(not downloaded)")
    group.weights = "ZERO123-XL-DIFFUSERS"
    assert properties.value_of(settings(), engine, weights) == "zero123-xl-diffusers"
    assert [w.id for w in choices.lacking_weights(group, disk.seen())] == ["zero123-xl-diffusers", "one2345-sparseneus"]
    group.weights, group.weights_path = "OWN", str(RESOURCES / "own.ckpt")
    assert properties.value_of(settings(), engine, weights) == str(RESOURCES / "own.ckpt")
    assert not choices.lacking_weights(group, disk.seen())
    group.property_unset("weights")


def check_weights_are_downloaded_verified_and_removed_by_the_backend():
    """The real command line of the backend, in the host's Python, and a server on loopback."""
    from tests.support.published import Server

    setup, disk, server = the_session().setup, the_session().disk_scan, Server()
    name, folder = "sam-vit-base", DATA / "weights" / "sam-vit-base"
    files = {"config.json": b"{}", "model.safetensors": bytes(500_000), "preprocessor_config.json": b"{}"}
    server.files, os.environ["HF_ENDPOINT"] = files, server.address

    def act(verb):
        getattr(bpy.ops.image_to_mesh, f"{verb}_model")(model=name)
        run(lambda: setup.task.ended)
        return setup.task.trouble

    assert not bpy.ops.image_to_mesh.download_model.poll()  # offline
    bpy.context.preferences.system.use_online_access = True
    choose("views")
    server.stall.set()
    bpy.ops.image_to_mesh.download_model(model=name)
    run(server.stalled.is_set)
    assert bpy.ops.image_to_mesh.generate.poll() and not bpy.ops.image_to_mesh.download_model.poll()
    run(lambda: "MB" in setup.task.line)
    bpy.ops.image_to_mesh.stop_task()
    run(lambda: setup.task.ended)
    assert "go on" in setup.task.trouble.remedy
    server.stall.clear()
    server.go_on.set()
    run(lambda: disk.seen().weights.get(name, {}).get("partial", 0) >= 1 and not disk.running)
    assert not disk.seen().weights[name]["folder"]
    assert act("download") is None
    run(lambda: disk.seen().weights[name]["folder"] == str(folder))
    assert {path: (folder / path).read_bytes() for path in files} == files
    assert act("verify") is None
    (folder / "model.safetensors").write_bytes(bytes(499_999) + b"1")
    assert "damaged" in act("verify").message
    run(lambda: disk.seen().weights[name]["folder"] == "")
    assert act("download") is None and act("remove") is None and not folder.exists()
    bpy.context.preferences.system.use_online_access = False
    assert "switched off" in told_by_backend(name)
    server.close()


def told_by_backend(name):
    """What the backend says to a download that Blender should not have let through."""
    models, setup = module("addon.setup.weights"), the_session().setup
    models.begin(setup, module("addon.setup.folders").chosen(), "download", name)
    run(lambda: setup.task.ended)
    return setup.task.trouble.message

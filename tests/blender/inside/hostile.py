# SPDX-License-Identifier: GPL-3.0-or-later
"""What nobody means to do: scenes that go, files of another version, names that are no text, folders that refuse."""

import bpy
import numpy as np
from pictures import raises_trouble
from stage import DATA, RESOURCES, choose, made, make_job, module, preferences, raises, run, settings, the_session


def stored(group):
    """Where Blender keeps the properties of a group, past their checks; in 5.0 custom properties lie elsewhere."""
    return group.bl_system_properties_get() if hasattr(group, "bl_system_properties_get") else group


def check_a_file_of_a_newer_version_is_no_trouble():
    properties, declarations = module("addon.settings.engines"), module("backend.interface.tasks")
    choose("views")
    settings().engine = declarations.MESH_TASKS[0].name.upper()
    group = getattr(settings(), declarations.MESH_TASKS[0].name)
    group.weights = "STARTER"
    stored(settings())["engine"], stored(group)["weights"] = 99, 98
    assert settings().engine == "" and properties.chosen_engine(settings()) == declarations.MESH_TASKS[0]
    assert bpy.ops.image_to_mesh.generate.poll()
    raises(bpy.ops.image_to_mesh.generate, "unknown to this version", "Choose others")
    for parameter in declarations.MESH_TASKS[0].parameters:
        if parameter.kind == "choice" and parameter.name != "device":
            setattr(group, parameter.name, parameter.choices[0].upper())
            stored(group)[parameter.name] = 97
            assert properties.value_of(settings(), declarations.MESH_TASKS[0], parameter) == parameter.default
            group.property_unset(parameter.name)
    group.property_unset("weights")
    settings().property_unset("engine")
    bpy.ops.image_to_mesh.generate(wait=True)


def check_a_scene_may_be_renamed_hidden_or_deleted_meanwhile():
    session, window, first = the_session(), bpy.context.window, bpy.context.scene
    other = bpy.data.scenes.new("Other")
    window.scene = other
    choose("views wait:0.3")
    bpy.ops.image_to_mesh.generate()
    other.name = "Renamed 改名"
    hidden = bpy.data.collections.new("Hidden")
    other.collection.children.link(hidden)
    layer = window.view_layer.layer_collection.children["Hidden"]
    window.view_layer.active_layer_collection, layer.exclude = layer, True
    run(lambda: not session.queue.busy)
    assert len(other.collection.objects) == 1  # not in the collection that nobody would see
    choose("views wait:0.3")
    bpy.ops.image_to_mesh.generate()
    window.scene = first
    run(lambda: not session.queue.busy)
    assert session.queue.last.state.name == "DONE" and len(other.collection.objects) == 2  # where it was asked for
    window.scene = other
    choose("views wait:0.3")
    bpy.ops.image_to_mesh.generate()
    window.scene = first
    bpy.data.scenes.remove(other)
    run(lambda: not session.queue.busy)
    assert session.queue.last.state.name == "FAILED" and "Import Finished Job" in session.queue.last.outcome.remedy
    bpy.ops.image_to_mesh.import_finished(job=session.queue.last.id)
    assert session.queue.last.state.name == "DONE"


def check_a_scene_that_takes_nothing_loses_no_other_job():
    session, arrays = the_session(), module("addon.base.arrays")
    bpy.ops.wm.save_as_mainfile(filepath=str(RESOURCES / "library.blend"), copy=True)
    with bpy.data.libraries.load(str(RESOURCES / "library.blend"), link=True) as (there, here):
        here.scenes = there.scenes[:1]
    triangle = arrays.MeshArrays(
        np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32), np.ones((3, 4), np.uint8)
    )
    one = make_job(module("addon.scene.delivery").at_cursor(here.scenes[0]), engine="one2345")
    one.state, one.outcome.mesh = module("addon.jobs.job").State.FINISHED, triangle
    choose("views")
    bpy.ops.image_to_mesh.generate()
    [running] = session.queue.jobs()
    session.queue.arrived.append(one)
    run(lambda: not session.queue.busy)
    assert one.state.name == "FAILED" and "did not take it" in one.outcome.message, one.outcome.message
    assert running.state.name == "DONE"


def check_an_image_may_be_deleted_while_its_job_waits():
    session, count = the_session(), len(made())
    choose("wait:0.3")
    bpy.ops.image_to_mesh.generate()
    painted = bpy.data.images.new("painted", 4, 4, alpha=True)
    settings().source, settings().image = "IMAGE", painted
    bpy.ops.image_to_mesh.generate()
    bpy.data.images.remove(painted)
    assert settings().image is None and not bpy.ops.image_to_mesh.generate.poll()
    run(lambda: not session.queue.busy)
    assert len(made()) == count + 2
    choose("views")


def check_any_name_becomes_an_object():
    sources = module("addon.scene.input_image")
    assert sources.printable("caf\udce9") == "caf?" and sources.printable("") == "Mesh"
    ends = module("addon.scene.mesh_import")
    triangle = module("addon.base.arrays").MeshArrays(
        np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32), np.full((3, 4), 255, np.uint8)
    )
    for name in ("漢" * 100, "🍎 e\u0301", "../..\\x", "a\nb"):
        new = ends.add_object(triangle, sources.printable(name), {"input": name}, (0, 0, 0), bpy.context.scene)
        assert new.name and new.data.materials[0]


def check_folders_that_refuse_are_explained():
    """A file stands where the folder should be: for root, nothing is read-only."""
    setup, prefs = the_session().setup, preferences()
    taken = RESOURCES / "taken"
    taken.write_text("a file")
    prefs.data_folder = str(taken)
    environment, chosen = module("addon.setup.environment"), module("addon.setup.folders").chosen()
    raises_trouble(environment.ready_backend, chosen, "cannot be written")
    raises(bpy.ops.image_to_mesh.open_folder, "taken cannot be made", "another data folder")
    prefs.data_folder, prefs.weights_folder = str(DATA), str(taken)
    raises(bpy.ops.image_to_mesh.open_model_folder, "taken", "cannot be made", model="sam-vit-base")
    bpy.context.preferences.system.use_online_access = True
    bpy.ops.image_to_mesh.download_model(model="sam-vit-base")
    run(lambda: setup.task.ended)
    bpy.context.preferences.system.use_online_access = False
    assert "cannot be written" in setup.task.trouble.message, setup.task.trouble
    assert "another folder for weights" in setup.task.trouble.remedy
    prefs.weights_folder = ""

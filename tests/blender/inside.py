# SPDX-License-Identifier: GPL-3.0-or-later
"""What is checked inside Blender's own Python module: `PYTHON inside.py ZIP DOUBLE`, a line of JSON a check.

test_installed.py starts this once for each bpy, with BLENDER_USER_RESOURCES pointing to an empty folder. The checks
run in their order: the first installs the zip, the last removes it.
"""

import json
import os
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

import bpy
import numpy as np

ZIP, DOUBLE, HOST_PYTHON = sys.argv[1:4]
NAME = "bl_ext.user_default.image_to_mesh"
RESOURCES = Path(os.environ["BLENDER_USER_RESOURCES"])
DATA = RESOURCES / "data"
PATIENCE_S = 60.0
sys.path.append(str(Path(__file__).parents[1] / "weights"))


def module(name):
    return sys.modules[f"{NAME}.{name}"]


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
    protocol, process = module("backend.interface.protocol"), module("addon.process")
    command = protocol.command(HOST_PYTHON, DOUBLE, "serve", "--jobs", DATA / "jobs")
    launch = process.Launch(command, protocol.environment(os.environ), RESOURCES, DATA / "logs" / "backend.log")
    module("addon.session").queue.launch = lambda: lambda: launch


def choose(script):
    """Choose an image file, whose text tells the double what to do."""
    path = Path(tempfile.mkdtemp(dir=RESOURCES)) / "Apple.png"
    path.write_text(script)
    settings().source, settings().filepath = "FILE", str(path)


def run(until):
    end = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < end, "nothing happened"
        module("addon.session").tick()
        time.sleep(0.01)


def raises(operator, *words, **arguments):
    """The operator reports an error that has the words in it."""
    try:
        operator(**arguments)
    except RuntimeError as error:
        assert all(word in str(error) for word in words), error
    else:
        raise AssertionError("no error was reported")


def check_install_registers_and_starts_nothing():
    install()
    for name in ("generate", "cancel", "import_finished", "paste_image", "set_up", "download_model", "show_log"):
        assert hasattr(bpy.types, f"IMAGE_TO_MESH_OT_{name}"), name
    for name in ("main", "settings", "results"):
        assert hasattr(bpy.types, f"IMAGE_TO_MESH_PT_{name}"), name
    assert module("addon.session").queue.process is None and "torch" not in sys.modules
    assert not bpy.app.timers.is_registered(module("addon.session").tick)


def check_properties_follow_the_declarations():
    parameters, properties = module("backend.interface.parameters"), module("addon.properties")
    for engine in parameters.ENGINES:
        group = getattr(settings(), engine.name)
        for parameter in properties.shown(engine):
            assert properties.value_of(group, parameter) == parameter.default, parameter.name
    group, elevation = settings().one2345, parameters.engine("one2345").parameter("elevation_deg")
    group.elevation_deg = np.pi  # Blender keeps angles in radians, and 180 degrees are more than the maximum
    assert properties.value_of(group, elevation) == elevation.maximum
    group.property_unset("elevation_deg")
    assert properties.chosen_parameters(settings(), "cpu")["device"] == "cpu"


def check_the_button_is_grey_until_it_can_work():
    setup, sources = module("addon.setup"), module("addon.sources")
    prefs = bpy.context.preferences.addons[NAME].preferences
    prefs.data_folder = str(RESOURCES / "empty")
    assert not bpy.ops.image_to_mesh.generate.poll() and "not set up" in setup.obstacle()
    prefs.python = HOST_PYTHON
    assert not bpy.ops.image_to_mesh.generate.poll() and not setup.obstacle()
    assert "image file" in sources.missing(settings())
    choose("views")
    assert bpy.ops.image_to_mesh.generate.poll()
    prefs.python = str(RESOURCES / "no-such-python")
    assert not bpy.ops.image_to_mesh.generate.poll()
    assert not bpy.ops.image_to_mesh.set_up.poll()  # offline


def check_setting_up_shows_progress_and_can_be_stopped():
    setup, session = module("addon.setup"), module("addon.session")
    environment = module("backend.interface.environment")

    def install(data_folder, extension, variant, say, stopped):
        say("Installing PyTorch", 0.4, "Collecting torch")
        while not stopped():
            time.sleep(0.01)
        raise environment.SetupError("Stopped", "Set up again to go on from here")

    prefs = bpy.context.preferences.addons[NAME].preferences
    prefs.python, prefs.data_folder = "", str(DATA)
    original = environment.install
    vars(environment)["install"] = install
    setup.install(setup.chosen(prefs), session.log_path(DATA))
    run(lambda: setup.task().stage == "Installing PyTorch")
    assert setup.task().overall == 0.4 and not bpy.ops.image_to_mesh.generate.poll()
    assert "Setting up is going on" in setup.obstacle() and not bpy.ops.image_to_mesh.measure.poll()
    bpy.ops.image_to_mesh.stop_task()
    run(lambda: setup.task().ended)
    vars(environment)["install"] = original
    assert setup.task().trouble.message == "Stopped" and "not set up" in setup.obstacle()
    assert "Collecting torch" in session.log_path(DATA).read_text()
    bpy.ops.image_to_mesh.measure()
    run(lambda: setup.task().ended)
    assert setup.sizes() == {"logs": session.log_path(DATA).stat().st_size}


def check_a_missing_environment_is_explained():
    prefs, job = bpy.context.preferences.addons[NAME].preferences, module("addon.job")
    prefs.python = str(RESOURCES / "no-such-python")
    session = module("addon.session")
    one = job.Job("one2345", {}, 0, dict, "x")
    session.queue.submit(one)
    run(lambda: not session.queue.busy)
    assert one.state is job.State.FAILED and "no-such-python" in one.message and "preferences" in one.remedy
    use_double()


def check_a_mesh_stands_at_the_cursor_with_its_colors():
    choose("background views mesh")
    bpy.context.scene.cursor.location = (1, 2, 3)
    bpy.ops.image_to_mesh.generate(wait=True)
    [ob] = made()
    assert ob.name == "Apple" and tuple(ob.location) == (1, 2, 3) and tuple(ob.rotation_euler) == (0, 0, 0)
    assert bpy.context.object == ob and bpy.context.selected_objects == [ob]
    mesh = ob.data
    assert (len(mesh.vertices), len(mesh.edges), len(mesh.polygons)) == (8, 18, 12)
    assert mesh.attributes.active_color_name == mesh.attributes.default_color_name == "Color"
    color = mesh.color_attributes["Color"]
    assert (color.data_type, color.domain) == ("BYTE_COLOR", "POINT")
    for vertex, element in zip(mesh.vertices, color.data, strict=True):
        expected = [220 if x > 0 else 20 for x in vertex.co] + [255]
        assert [round(c * 255) for c in element.color_srgb] == expected
    assert not mesh.validate(verbose=True), "Blender had to correct the mesh"


def check_the_recipe_is_on_the_object():
    [ob] = made()
    recipe = json.loads(ob["image_to_mesh_recipe"])
    assert recipe["engine"] == "one2345" and recipe["input"] == "Apple" and recipe["report"] == {"seconds": 1}
    assert recipe["parameters"] == module("backend.interface.parameters").engine("one2345").check({})
    assert recipe["seed"] == 0


def check_a_render_shows_the_colors_from_the_front():
    """Seen from the front, the double's cube is red on the right and blue on top."""
    [ob] = made()
    scene = bpy.context.scene
    ob.location = (0, 0, 0)
    camera = bpy.data.cameras.new("Front")
    camera.type, camera.ortho_scale = "ORTHO", 1.0
    scene.camera = bpy.data.objects.new("Front", camera)
    scene.camera.location, scene.camera.rotation_euler = (0, -3, 0), (np.pi / 2, 0, 0)
    scene.collection.objects.link(scene.camera)
    for other in bpy.data.objects:
        other.hide_render = other not in (ob, scene.camera)
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (1, 1, 1, 1)
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 4, False
    scene.view_settings.view_transform = "Standard"
    scene.render.resolution_x = scene.render.resolution_y = 16
    scene.render.filepath = str(RESOURCES / "front.png")
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(scene.render.filepath)
    pixels = np.array(image.pixels[:]).reshape(16, 16, 4)  # the first row is the bottom one
    left, right, low, high = pixels[:, 2], pixels[:, 13], pixels[2], pixels[13]
    assert right[:, 0].mean() > left[:, 0].mean() + 0.2 and high[:, 2].mean() > low[:, 2].mean() + 0.2
    assert pixels[..., 1].mean() < 0.7 * pixels[..., 0].mean()  # the back would be as green as red


def check_undo_takes_the_mesh_away_and_nothing_else():
    bpy.ops.wm.read_homefile()
    use_double()
    choose("views")
    bpy.ops.ed.undo_push(message="Start")
    bpy.data.objects.new("Mine", None)
    bpy.context.collection.objects.link(bpy.data.objects["Mine"])
    bpy.ops.ed.undo_push(message="Mine")
    bpy.ops.image_to_mesh.generate(wait=True)
    assert len(made()) == 1
    bpy.ops.ed.undo()
    assert not made() and "Mine" in bpy.data.objects
    bpy.ops.ed.redo()
    assert len(made()) == 1 and made()[0].data.color_attributes["Color"].data[7].color_srgb[0] > 0.8


def check_a_broken_backend_is_explained_and_the_next_click_works():
    for script, word in (("views die", "killed"), ("garbage", "understood"), ("outside", "range"), ("refuse", "Crop")):
        choose(script)
        raises(bpy.ops.image_to_mesh.generate, word, wait=True)
    count = len(made())
    choose("views")
    bpy.ops.image_to_mesh.generate(wait=True)
    assert len(made()) == count + 1


def check_jobs_queue_and_can_be_cancelled():
    session, count = module("addon.session"), len(made())
    choose("views wait")
    bpy.ops.image_to_mesh.generate()
    choose("views")
    bpy.ops.image_to_mesh.generate()
    first, second = session.queue.jobs()
    run(lambda: first.stage == "wait")
    assert first.sheet.shape == (48, 48, 4)
    bpy.ops.image_to_mesh.cancel(job=first.id)
    run(lambda: not session.queue.busy)
    assert (first.state.name, second.state.name, len(made())) == ("CANCELLED", "DONE", count + 1)


def check_a_mesh_waits_until_edit_mode_is_left():
    session, count = module("addon.session"), len(made())
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.image_to_mesh.generate()
    [job] = session.queue.jobs()
    run(lambda: job.note)
    assert "Edit" in job.note and len(made()) == count
    bpy.ops.object.mode_set(mode="OBJECT")
    run(lambda: not session.queue.busy)
    assert len(made()) == count + 1


def check_a_result_survives_opening_another_file():
    session = module("addon.session")
    choose("views wait:0.5")
    bpy.ops.image_to_mesh.generate()
    [job] = session.queue.jobs()
    run(lambda: job.stage == "wait")
    bpy.ops.wm.read_homefile()
    run(lambda: not session.queue.busy)
    assert job.state.name == "FAILED" and "Import Finished Job" in job.remedy and not made()
    offered = [item[0] for item in module("addon.finished").items(None, None)]
    assert offered[0] == job.id
    bpy.ops.image_to_mesh.import_finished(job=job.id)
    assert [ob.name for ob in made()] == ["Apple"] and len(made()[0].data.vertices) == 8
    assert job.id not in [item[0] for item in module("addon.finished").items(None, None)]


def check_images_in_blender_arrive_as_they_look():
    """A painted image through pixels, an opened or packed file through its bytes, and a float image as sRGB."""
    import io

    sources = module("addon.sources")
    painted = bpy.data.images.new("painted", 2, 1, alpha=True)
    painted.pixels[:] = (1, 0, 0, 1, 0, 0.5, 0, 0.25)
    image = np.load(io.BytesIO(sources.read_image(painted)()["image"]))["image"]
    np.testing.assert_allclose(image, [[(1, 0, 0, 1), (0, 0.5, 0, 0.25)]], atol=0.003)
    path = RESOURCES / "saved.png"
    painted.save(filepath=str(path))
    opened = bpy.data.images.load(str(path))
    assert sources.read_image(opened)() == {"image_file": path.read_bytes()}
    opened.pack()
    path.unlink()
    assert sources.read_image(opened)()["image_file"][:4] == b"\x89PNG"
    bright = bpy.data.images.new("float", 1, 1, alpha=True, float_buffer=True)
    bright.pixels[:] = (0.25, 0.25, 0.25, 0.5)
    image = np.load(io.BytesIO(sources.read_image(bright)()["image"]))["image"]
    np.testing.assert_allclose(image[0, 0], (0.7354, 0.7354, 0.7354, 0.5), atol=1e-3)
    empty = bpy.data.images.new("gone", 1, 1)
    empty.source, empty.filepath = "FILE", str(RESOURCES / "gone.png")
    raises_trouble(sources.read_image, empty, "gone")
    raises_trouble(sources.read_file, RESOURCES / "nothing.png", "cannot be opened")
    raises_trouble(sources.read_file, RESOURCES, "not an image")


def raises_trouble(call, argument, words):
    try:
        call(argument)
    except module("addon.trouble").Trouble as trouble:
        assert words in trouble.message and trouble.remedy, trouble
    else:
        raise AssertionError("no trouble")


def check_the_last_render_is_read_and_the_output_settings_stay():
    sources, scene = module("addon.sources"), bpy.context.scene
    if not sources.render_result():
        bpy.data.images.new("Render Result", 1, 1)
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 1, False
    scene.render.resolution_x, scene.render.resolution_y = 12, 8
    scene.render.film_transparent = True
    scene.render.image_settings.file_format = "JPEG"
    bpy.ops.render.render()
    data = sources.read_render(scene)()["image_file"]
    width, height, depth, kind = int.from_bytes(data[16:20]), int.from_bytes(data[20:24]), data[24], data[25]
    assert data[:4] == b"\x89PNG" and (width, height, depth, kind) == (12, 8, 8, 6)  # kind 6: RGBA
    assert scene.render.image_settings.file_format == "JPEG"


def check_the_report_tells_enough_and_not_the_home_folder():
    text = module("addon.reports").report()
    assert bpy.app.version_string in text and "Log:" in text and str(Path.home()) not in text
    bpy.ops.image_to_mesh.show_log()
    assert "Image to Mesh Log" in bpy.data.texts


def check_out_of_memory_offers_what_to_lower():
    session, parameters = module("addon.session"), module("backend.interface.parameters")
    choose("memory")
    raises(bpy.ops.image_to_mesh.generate, "Full", wait=True)
    job = session.queue.last
    assert job.lower == {"mesh_resolution": 64} and settings().one2345.mesh_resolution != 64
    bpy.ops.image_to_mesh.lower(job=job.id, parameter="mesh_resolution")
    assert settings().one2345.mesh_resolution == 64 and not job.lower
    declared = parameters.engine("one2345")
    module("addon.properties").set_value(settings(), preferences(), "one2345", "device", "cpu")
    assert preferences().device == "CPU"
    module("addon.properties").set_value(settings(), preferences(), "one2345", "elevation_deg", 30.0)
    value_of = module("addon.properties").value_of
    assert value_of(settings().one2345, declared.parameter("elevation_deg")) == 30.0
    preferences().device = "AUTO"
    choose("memory:nonsense")
    raises(bpy.ops.image_to_mesh.generate, "Full", wait=True)
    assert session.queue.last.lower == {}


def check_imported_jobs_can_be_removed_and_others_stay():
    jobs, finished = DATA / "jobs", module("addon.finished")
    choose("views")
    bpy.ops.image_to_mesh.generate(wait=True)
    waiting, young, old = jobs / "waiting", jobs / "young", jobs / "old"
    for folder in (waiting, young, old):
        folder.mkdir()
        (folder / "request.json").write_text("{}")
    (waiting / "result.npz").write_text("not imported yet")
    os.utime(old, (0, 0))
    removable = {folder.name for folder in finished.idle(jobs)}
    assert module("addon.session").queue.last.id in removable and "old" in removable
    assert not removable & {"waiting", "young"}
    choose("wait")
    bpy.ops.image_to_mesh.generate()
    assert not bpy.ops.image_to_mesh.remove_jobs.poll()  # never while one is running
    bpy.ops.image_to_mesh.cancel()
    run(lambda: not module("addon.session").queue.busy)
    bpy.ops.image_to_mesh.remove_jobs()
    run(lambda: module("addon.setup").task().ended)
    left = {folder.name for folder in jobs.iterdir()}
    assert {"waiting", "young"} <= left and not removable & left
    disk = module("addon.disk")
    run(lambda: disk.seen() and not disk.is_looking())
    assert disk.seen().idle == 0 and disk.seen().jobs >= len("not imported yet")


def check_weights_are_a_choice_of_what_is_there():
    properties, disk = module("addon.properties"), module("addon.disk")
    weights = module("backend.interface.parameters").engine("one2345").parameter("weights")
    group = settings().one2345
    assert properties.value_of(group, weights) == "starter" and not properties.lacking_weights(group)
    run(lambda: disk.seen().complete)
    titles = {item[0]: item[1] for item in properties.weights_items(None, None)}
    assert titles["STARTER"] == "Starter (built in)" and titles["ZERO123-XL"].endswith("(not downloaded)")
    group.weights = "ZERO123-XL-DIFFUSERS"
    assert properties.value_of(group, weights) == "zero123-xl-diffusers"
    assert [w.id for w in properties.lacking_weights(group)] == ["zero123-xl-diffusers", "one2345-sparseneus"]
    group.weights, group.weights_path = "OWN", str(RESOURCES / "own.ckpt")
    assert properties.value_of(group, weights) == str(RESOURCES / "own.ckpt")
    assert not properties.lacking_weights(group)
    group.property_unset("weights")


def check_weights_are_downloaded_verified_and_removed_by_the_backend():
    """The real command line of the backend, in the host's Python, and a server on loopback."""
    from published import Server

    setup, disk, server = module("addon.setup"), module("addon.disk"), Server()
    name, folder = "sam-vit-base", DATA / "weights" / "sam-vit-base"
    files = {"config.json": b"{}", "model.safetensors": bytes(500_000), "preprocessor_config.json": b"{}"}
    server.files, os.environ["HF_ENDPOINT"] = files, server.address

    def act(verb):
        getattr(bpy.ops.image_to_mesh, f"{verb}_model")(model=name)
        run(lambda: setup.task().ended)
        return setup.task().trouble

    assert not bpy.ops.image_to_mesh.download_model.poll()  # offline
    bpy.context.preferences.system.use_online_access = True
    choose("views")
    server.stall.set()
    bpy.ops.image_to_mesh.download_model(model=name)
    run(server.stalled.is_set)
    assert bpy.ops.image_to_mesh.generate.poll() and not bpy.ops.image_to_mesh.download_model.poll()
    run(lambda: "MB" in setup.task().line)
    bpy.ops.image_to_mesh.stop_task()
    run(lambda: setup.task().ended)
    assert "go on" in setup.task().trouble.remedy
    server.stall.clear()
    server.go_on.set()
    run(lambda: disk.seen().models.get(name, {}).get("partial", 0) >= 1 and not disk.is_looking())
    assert not disk.seen().models[name]["folder"]
    assert act("download") is None
    run(lambda: disk.seen().models[name]["folder"] == str(folder))
    assert {path: (folder / path).read_bytes() for path in files} == files
    assert act("verify") is None
    (folder / "model.safetensors").write_bytes(bytes(499_999) + b"1")
    assert "damaged" in act("verify").message
    run(lambda: disk.seen().models[name]["folder"] == "")
    assert act("download") is None and act("remove") is None and not folder.exists()
    bpy.context.preferences.system.use_online_access = False
    assert "switched off" in told_by_backend(name)
    server.close()


def told_by_backend(name):
    """What the backend says to a download that Blender should not have let through."""
    models, setup = module("addon.models"), module("addon.setup")
    models.begin(setup.chosen(preferences()), "download", name)
    run(lambda: setup.task().ended)
    return setup.task().trouble.message


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
    session = module("addon.session")
    run(lambda: session.queue.active and session.queue.active.stage == "wait")
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


def main():
    for name, check in [item for item in globals().items() if item[0].startswith("check_")]:
        try:
            check()
            problem = ""
        except BaseException:
            problem = traceback.format_exc()
        print(json.dumps({"check": name.removeprefix("check_"), "problem": problem}), flush=True)
    os._exit(0)  # a timer that stayed would crash 4.2 here; check_disabling_leaves_nothing looks for it


def be_killed():
    """Start a job that does not end, tell the backend's process id, and wait for the end."""
    install()
    use_double()
    choose("deaf")
    bpy.ops.image_to_mesh.generate()
    queue = module("addon.session").queue
    run(lambda: queue.active and queue.active.stage == "deaf")
    print(json.dumps({"backend": queue.process.pid}), flush=True)
    time.sleep(PATIENCE_S)


if __name__ == "__main__":
    be_killed() if sys.argv[4:] == ["be_killed"] else main()

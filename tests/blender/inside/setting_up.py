# SPDX-License-Identifier: GPL-3.0-or-later
"""Installing the extension, its properties, its button, and setting up the backend."""

import sys
import time

import bpy
import numpy as np
from stage import DATA, HOST_PYTHON, RESOURCES, choose, install, module, preferences, run, settings, use_double


def check_install_registers_and_starts_nothing():
    install()
    for name in ("generate", "cancel", "import_finished", "paste_image", "set_up", "download_model", "show_log"):
        assert hasattr(bpy.types, f"IMAGE_TO_MESH_OT_{name}"), name
    for name in ("main", "settings", "results"):
        assert hasattr(bpy.types, f"IMAGE_TO_MESH_PT_{name}"), name
    assert module("addon.session").queue.process is None and "torch" not in sys.modules
    assert not bpy.app.timers.is_registered(module("addon.session").tick)


def check_properties_follow_the_declarations():
    declarations, properties = module("backend.interface.tasks"), module("addon.settings.scene")
    assert settings().engine == "LRM", "the best of the starters is offered first"
    for engine in declarations.ENGINES:
        group = getattr(settings(), engine.name)
        for parameter in properties.shown(engine):
            assert properties.value_of(group, parameter) == parameter.default, parameter.name
    group, elevation = settings().one2345, declarations.engine("one2345").parameter("elevation_deg")
    group.elevation_deg = np.pi  # Blender keeps angles in radians, and 180 degrees are more than the maximum
    assert properties.value_of(group, elevation) == elevation.maximum
    group.property_unset("elevation_deg")
    assert properties.parameters_of(properties.chosen_engine(settings()), settings(), "cpu")["device"] == "cpu"


def check_the_button_is_grey_until_it_can_work():
    setup, sources = module("addon.setup.environment"), module("addon.scene.input_image")
    prefs = preferences()
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
    setup, session = module("addon.setup.environment"), module("addon.session")
    environment = module("backend.interface.installer.environment")

    def install(data_folder, extension, variant, say, stopped):
        say("Installing PyTorch", 0.4, "Collecting torch")
        while not stopped():
            time.sleep(0.01)
        raise environment.SetupError("Stopped", "Set up again to go on from here")

    prefs = preferences()
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
    prefs, job = preferences(), module("addon.jobs.job")
    prefs.python = str(RESOURCES / "no-such-python")
    session = module("addon.session")
    one = job.Job("one2345", {}, 0, dict, "x")
    session.queue.submit(one)
    run(lambda: not session.queue.busy)
    assert one.state is job.State.FAILED and "no-such-python" in one.message and "preferences" in one.remedy
    use_double()

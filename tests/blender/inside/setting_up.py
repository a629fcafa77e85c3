# SPDX-License-Identifier: GPL-3.0-or-later
"""Installing the extension, its properties, its button, and setting up the backend."""

import sys
import time

import bpy
import numpy as np
from stage import (
    DATA,
    HOST_PYTHON,
    RESOURCES,
    choose,
    install,
    make_job,
    module,
    preferences,
    run,
    settings,
    the_session,
    use_double,
)


def check_install_registers_and_starts_nothing():
    install()
    for name in ("generate", "cancel", "import_finished", "paste_image", "set_up", "download_model", "show_log"):
        assert hasattr(bpy.types, f"IMAGE_TO_MESH_OT_{name}"), name
    for name in ("main", "settings", "results"):
        assert hasattr(bpy.types, f"IMAGE_TO_MESH_PT_{name}"), name
    assert the_session().queue.process is None and "torch" not in sys.modules
    assert not the_session().timer.running


def check_properties_follow_the_declarations():
    declarations, properties = module("backend.interface.tasks"), module("addon.settings.engines")
    assert settings().engine == "LRM", "the best of the starters is offered first"
    for engine in declarations.MESH_TASKS:
        group = getattr(settings(), engine.name)
        for parameter in properties.shown(engine):
            assert properties.value_of(settings(), engine, parameter) == parameter.default, parameter.name
    engine, group = declarations.task("one2345"), settings().one2345
    elevation = engine.parameter("elevation_deg")
    group.elevation_deg = np.pi  # Blender keeps angles in radians, and 180 degrees are more than the maximum
    assert properties.value_of(settings(), engine, elevation) == elevation.maximum
    group.property_unset("elevation_deg")
    preferences().device = "CPU"
    assert properties.parameters_of(settings(), properties.chosen_engine(settings()))["device"] == "cpu"
    preferences().device = "AUTO"


def check_the_button_is_grey_until_it_can_work():
    setup, sources = the_session().setup, module("addon.scene.input_image")
    prefs = preferences()
    prefs.data_folder = str(RESOURCES / "empty")
    assert not bpy.ops.image_to_mesh.generate.poll() and "not set up" in setup.why_unavailable()
    prefs.python = HOST_PYTHON
    assert not bpy.ops.image_to_mesh.generate.poll() and not setup.why_unavailable()
    assert "image file" in sources.missing(settings())
    choose("views")
    assert bpy.ops.image_to_mesh.generate.poll()
    prefs.python = str(RESOURCES / "no-such-python")
    assert not bpy.ops.image_to_mesh.generate.poll()
    assert not bpy.ops.image_to_mesh.set_up.poll()  # offline


def check_setting_up_shows_progress_and_can_be_stopped():
    setup = the_session().setup
    environment = module("backend.interface.installer.environment")

    def install(data_folder, extension, variant, say, stopped):
        say("Installing PyTorch", 0.4, "Collecting torch")
        while not stopped():
            time.sleep(0.01)
        raise environment.SetupError("Stopped", "Set up again to go on from here")

    prefs = preferences()
    prefs.python, prefs.data_folder = "", str(DATA)
    chosen = module("addon.setup.folders").chosen()
    original = environment.install
    vars(environment)["install"] = install
    setup.install(chosen)
    run(lambda: setup.task.stage == "Installing PyTorch")
    assert setup.task.overall == 0.4 and not bpy.ops.image_to_mesh.generate.poll()
    assert "Setting up is going on" in setup.why_unavailable() and not bpy.ops.image_to_mesh.measure.poll()
    bpy.ops.image_to_mesh.stop_task()
    run(lambda: setup.task.ended)
    vars(environment)["install"] = original
    assert setup.task.trouble.message == "Stopped" and "not set up" in setup.why_unavailable()
    assert "Collecting torch" in chosen.log.read_text()
    bpy.ops.image_to_mesh.measure()
    run(lambda: setup.task.ended)
    assert setup.task.sizes == {"logs": chosen.log.stat().st_size}


def check_a_missing_environment_is_explained():
    prefs, states = preferences(), module("addon.jobs.job").State
    prefs.python = str(RESOURCES / "no-such-python")
    session = the_session()
    one = make_job(engine="one2345")
    session.queue.submit(one)
    run(lambda: not session.queue.busy)
    assert (
        one.state is states.FAILED and "no-such-python" in one.outcome.message and "preferences" in one.outcome.remedy
    )
    use_double()

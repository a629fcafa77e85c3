# SPDX-License-Identifier: GPL-3.0-or-later
"""Setting up the backend from the preferences, and what stands in the way of it."""

import dataclasses
import time
from types import SimpleNamespace
from unittest.mock import MagicMock, patch

import bpy
from stage import HOST_PYTHON, RESOURCES, choose, extension, raises, raises_trouble, run, settings


def check_the_button_is_grey_until_it_can_work():
    setup, prefs = extension.setup(), extension.preferences()
    prefs.python, prefs.data_folder = "", str(RESOURCES / "empty")
    assert not bpy.ops.image_to_mesh.generate.poll() and "not set up" in setup.why_unavailable()
    prefs.python = HOST_PYTHON
    assert not bpy.ops.image_to_mesh.generate.poll() and not setup.why_unavailable()
    assert "image file" in extension.input_image.missing(settings())
    choose("views")
    assert bpy.ops.image_to_mesh.generate.poll()
    prefs.python = str(RESOURCES / "no-such-python")
    assert not bpy.ops.image_to_mesh.generate.poll()
    assert not bpy.ops.image_to_mesh.set_up.poll()  # offline


def check_removing_is_grey_while_nothing_is_set_up():
    prefs, folder = extension.preferences(), RESOURCES / "half"
    prefs.data_folder = str(folder)
    assert not bpy.ops.image_to_mesh.remove_environment.poll()  # the interpreter of use_double is the artist's own
    assert "nothing to remove" in extension.why_unavailable("remove_environment")
    (folder / "environment").mkdir(parents=True)  # as an interrupted set-up leaves it
    extension.setup().look_again()
    assert bpy.ops.image_to_mesh.remove_environment.poll()
    bpy.ops.image_to_mesh.remove_environment()
    run(lambda: extension.background_task().ended)
    assert not folder.joinpath("environment").exists() and not bpy.ops.image_to_mesh.remove_environment.poll()


def check_size_and_time_are_said_before_setting_up():
    cost, seen = extension.preferences_panel.cost, extension.disk_scan().known
    assert cost("AUTO", seen) == cost("CPU", seen) == "Downloads about 330 MB, takes about 3 minutes"
    assert cost("CUDA", seen) == "Downloads about 3.0 GB, takes about 10 minutes"
    assert cost("AUTO", dataclasses.replace(seen, variant="cuda")) == cost("CUDA", seen)


def check_setting_up_shows_progress_and_can_be_stopped():
    setup, prefs, folder = extension.setup(), extension.preferences(), RESOURCES / "new"
    log = extension.log_path(folder)

    def install(data_folder, extension_folder, variant, say, stopped):
        say("Installing PyTorch", 0.4, "Collecting torch")
        while not stopped():
            time.sleep(0.01)
        raise extension.installer.SetupError("Stopped", "Set up again to go on from here")

    prefs.python, prefs.data_folder = "", str(folder)
    with patch.object(extension.installer, "install", install):
        setup.install(extension.folders.chosen())
        run(lambda: extension.background_task().stage == "Installing PyTorch")
        assert extension.background_task().overall == 0.4 and not bpy.ops.image_to_mesh.generate.poll()
        assert "Setting up is in progress" in setup.why_unavailable() and not bpy.ops.image_to_mesh.measure.poll()
        bpy.ops.image_to_mesh.stop_task()
        run(lambda: extension.background_task().ended)
    assert extension.background_task().trouble.message == "Stopped" and "not set up" in setup.why_unavailable()
    assert "Collecting torch" in log.read_text()
    bpy.ops.image_to_mesh.measure()
    run(lambda: extension.background_task().ended)
    assert extension.background_task().sizes == {"logs": log.stat().st_size}


def check_a_missing_environment_is_explained():
    extension.preferences().python = str(RESOURCES / "no-such-python")
    extension.start_as(None)
    job = extension.submit(extension.new_job())
    run(lambda: not extension.is_busy())
    assert job.state is extension.job.State.FAILED
    assert "no-such-python" in job.message and "preferences" in job.remedy


def taken():
    """A file where a folder should be: nothing is read-only for root."""
    path = RESOURCES / "taken"
    path.write_text("a file")
    return str(path)


def check_a_data_folder_that_cannot_be_written_is_explained():
    prefs = extension.preferences()
    prefs.data_folder = taken()
    trouble = raises_trouble(extension.environment.ready_backend, extension.folders.chosen())
    assert "cannot be written" in trouble.message
    raises(bpy.ops.image_to_mesh.open_folder, "taken cannot be made", "another data folder")


def check_a_folder_for_weights_that_cannot_be_written_is_explained():
    extension.preferences().weights_folder = taken()
    raises(bpy.ops.image_to_mesh.open_model_folder, "taken", "cannot be made", model="sam-vit-base")
    bpy.context.preferences.system.use_online_access = True
    bpy.ops.image_to_mesh.download_model(model="sam-vit-base")
    run(lambda: extension.background_task().ended)
    trouble = extension.background_task().trouble
    assert "cannot be written" in trouble.message and "another folder" in trouble.remedy, trouble


def check_a_set_up_without_the_cut_out_network_says_so():
    panel, words = extension.preferences_panel, extension.cutouts.UNREACHABLE_WORDS
    task = SimpleNamespace(title=panel.SETTING_UP, stage=words, running=False, trouble=None)
    for stage, shown in ((words, words), ("The backend is ready", "")):
        column, task.stage = MagicMock(), stage
        panel.draw_state(column, extension.preferences(), True, task, extension.disk_scan().known)
        assert [call.kwargs["text"] for call in column.label.call_args_list] == ["The backend is ready", shown]

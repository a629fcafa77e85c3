# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs from the button to the scene, and what may happen meanwhile."""

import os
from types import SimpleNamespace
from unittest.mock import Mock, patch

import bpy
import numpy as np
from stage import DATA, RESOURCES, cases, choose, extension, generate, raises, run, settings


def start(script):
    """Begin a job with an image of this text, and return it."""
    choose(script)
    bpy.ops.image_to_mesh.generate()
    return extension.jobs()[-1]


def finish_all():
    run(lambda: not extension.is_busy())


@cases(killed=("views die", "killed"), garbage=("garbage", "invalid message"), outside=("outside", "range"),
       refused=("refuse", "Crop"))  # fmt: skip
def check_a_broken_backend_is_explained_and_the_next_click_works(script, word):
    choose(script)
    raises(bpy.ops.image_to_mesh.generate, word, wait=True)
    assert not extension.made()
    generate("views")
    assert len(extension.made()) == 1


def check_jobs_queue_and_can_be_cancelled():
    first, second = start("views wait"), start("views")
    assert [job.id for job in extension.jobs()] == [first.id, second.id]
    run(lambda: first.stage == "wait")
    assert first.sheet.shape == (48, 48, 4)
    bpy.ops.image_to_mesh.cancel(job=first.id)
    finish_all()
    assert (first.state.name, second.state.name, len(extension.made())) == ("CANCELLED", "DONE", 1)


def check_the_time_of_every_import_is_left_out_of_what_held_blender():
    now = [0.0]

    def spend(seconds):
        now[0] += seconds

    def ending(seconds):
        scene = bpy.context.scene.session_uid
        return extension.new_job("", to=SimpleNamespace(scene=scene, frame=None, deliver=lambda *_: spend(seconds)))

    with extension.clock(lambda: now[0], announce=lambda: spend(0.02)):
        extension.forget_holds()
        for seconds in (0.5, 0.3):  # the second is not the longest
            extension.finish(ending(seconds))
            extension.tick()
    hold, longest_import = extension.longest_holds_ms()
    assert abs(longest_import - 500) < 1e-6 and abs(hold - 20) < 1e-6


def check_a_mesh_waits_until_edit_mode_is_left():
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.mode_set(mode="EDIT")
    job = start("views")
    run(lambda: job.note)
    assert "Edit" in job.note and not extension.made()
    bpy.ops.object.mode_set(mode="OBJECT")
    finish_all()
    assert len(extension.made()) == 1


def check_a_result_survives_opening_another_file():
    job = start("views wait:0.5")
    run(lambda: job.stage == "wait")
    bpy.ops.wm.read_homefile()
    finish_all()
    assert job.state.name == "FAILED" and "Import Finished Job" in job.remedy and not extension.made()
    items = extension.job_buttons.finished_items
    assert [item[0] for item in items(None, None)] == [job.id]
    bpy.ops.image_to_mesh.import_finished(job=job.id, wait=True)
    [ob] = extension.made()
    assert ob.name == "Apple" and len(ob.data.vertices) == 8
    assert job.id not in [item[0] for item in items(None, None)]


def check_a_job_stays_in_its_scene_when_that_is_renamed_and_its_collection_hidden():
    other = bpy.data.scenes.new("Other")
    bpy.context.window.scene = other
    start("views wait:0.3")
    other.name = "Renamed 改名"
    hidden = bpy.data.collections.new("Hidden")
    other.collection.children.link(hidden)
    layer = bpy.context.window.view_layer.layer_collection.children["Hidden"]
    bpy.context.window.view_layer.active_layer_collection, layer.exclude = layer, True
    finish_all()
    assert len(other.collection.objects) == 1  # not in the collection that nobody would see


def check_a_mesh_arrives_in_the_scene_it_was_started_in():
    window, first, other = bpy.context.window, bpy.context.scene, bpy.data.scenes.new("Other")
    window.scene = other
    start("views wait:0.3")
    window.scene = first
    finish_all()
    assert extension.last_job().state.name == "DONE" and len(other.collection.objects) == 1


def check_a_mesh_whose_scene_was_deleted_can_be_imported():
    window, first, other = bpy.context.window, bpy.context.scene, bpy.data.scenes.new("Other")
    window.scene = other
    job = start("views wait:0.3")
    window.scene = first
    bpy.data.scenes.remove(other)
    finish_all()
    assert job.state.name == "FAILED" and "Import Finished Job" in job.remedy
    bpy.ops.image_to_mesh.import_finished(job=job.id, wait=True)
    assert extension.last_job().state.name == "DONE"


def check_a_scene_that_takes_nothing_loses_no_other_job():
    bpy.ops.wm.save_as_mainfile(filepath=str(RESOURCES / "library.blend"), copy=True)
    with bpy.data.libraries.load(str(RESOURCES / "library.blend"), link=True) as (there, here):
        here.scenes = there.scenes[:1]
    triangle = extension.arrays.MeshArrays(
        np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32), np.ones((3, 4), np.uint8)
    )
    running = start("views")
    refused = extension.finish(extension.new_job(to=extension.delivery.at(here.scenes[0], (0, 0, 0)), mesh=triangle))
    finish_all()
    assert refused.state.name == "FAILED" and "could not add it" in refused.message, refused.message
    assert running.state.name == "DONE"


def check_an_image_may_be_deleted_while_its_job_waits():
    start("wait:0.3")
    painted = bpy.data.images.new("painted", 4, 4, alpha=True)
    settings().source, settings().image = "IMAGE", painted
    bpy.ops.image_to_mesh.generate()
    bpy.data.images.remove(painted)
    assert settings().image is None and not bpy.ops.image_to_mesh.generate.poll()
    finish_all()
    assert len(extension.made()) == 2


def check_without_an_image_the_button_asks_for_a_file_and_goes_on():
    path = RESOURCES / "Pear.png"
    path.write_text("views")
    settings().source, settings().filepath = "FILE", ""
    assert not bpy.ops.image_to_mesh.generate.poll() and extension.input_image.needs_file(settings())
    bpy.ops.image_to_mesh.generate_file(directory=str(RESOURCES), files=[{"name": "Pear.png"}])
    assert settings().filepath == str(path) and not extension.input_image.needs_file(settings())
    finish_all()
    assert [ob.name for ob in extension.made()] == ["Pear"]
    raises(bpy.ops.image_to_mesh.generate_file, "Choose an image file")
    assert not extension.is_busy()


def check_out_of_memory_offers_a_value_to_lower():
    choose("memory")
    raises(bpy.ops.image_to_mesh.generate, "Full", wait=True)
    job = extension.last_job()
    assert job.lower == {"mesh_resolution": 64} and settings().one2345.mesh_resolution != 64
    bpy.ops.image_to_mesh.lower(job=job.id, parameter="mesh_resolution")
    assert settings().one2345.mesh_resolution == 64 and not job.lower


def check_values_to_lower_are_checked():
    choose("memory:nonsense")
    raises(bpy.ops.image_to_mesh.generate, "Full", wait=True)
    assert extension.last_job().lower == {}


def check_a_value_is_set_where_the_artist_sets_it():
    set_value, value_of = extension.engine_settings.set_value, extension.engine_settings.value_of
    set_value(settings(), extension.tasks.ONE2345, "device", "cpu")
    assert extension.preferences().device == "CPU"
    set_value(settings(), extension.tasks.ONE2345, "elevation_deg", 30.0)
    assert value_of(settings(), extension.tasks.ONE2345, extension.tasks.ONE2345.parameter("elevation_deg")) == 30.0


def check_the_panel_lists_the_facts_of_a_finished_job():

    def findings(facts):
        record = extension.new_job(facts=facts)
        record.state = State.DONE
        return extension.notes_panel.findings(record)

    State = extension.module("addon.jobs.job").State
    facts = {"elevation_deg": 20.0, "elevation": "given, because", "background": "Border.", "seconds": 1}
    assert findings(facts) == ["Border.", "Elevation 20°, given, because"]
    assert findings(facts | {"depth": 0.8})[2:] == ["Depth 0.8 of the width"]
    assert findings({"elevation_deg": "?", "warning": "Not kept"}) == ["Not kept", "?"] and findings({}) == []
    assert extension.notes_panel.findings(extension.new_job(facts=facts)) == [], "it still waits"


def check_a_batch_tells_the_warnings_of_all_its_jobs():
    State, jobs = extension.module("addon.jobs.job").State, []
    for name, warning in (("a", "Two objects."), ("b", ""), ("c", "Not plain."), ("d", "The last.")):
        jobs.append(extension.new_job(name=name, facts={"warning": warning}))
        jobs[-1].state = State.DONE
    jobs[0].state = State.CANCELLED
    assert extension.notes_panel.earlier_warnings(jobs) == [
        "c: Not plain."
    ]  # the last one's own lines are its findings
    jobs[0].state = State.DONE
    assert extension.notes_panel.earlier_warnings(jobs) == ["c: Not plain.", "a: Two objects."]


def check_imported_jobs_can_be_removed_and_others_stay():
    folders, disk = extension.jobs_folder(DATA), extension.disk_scan()
    generate()
    waiting, young, old = folders / "waiting", folders / "young", folders / "old"
    for folder in (waiting, young, old):
        folder.mkdir()
        (folder / "request.json").write_text("{}")
    (waiting / "result.npz").write_text("not imported yet")
    os.utime(old, (0, 0))
    removable = {folder.name for folder in extension.job_folders.removable(folders)}
    assert removable == {extension.last_job().id, "old"}
    start("wait")
    assert not bpy.ops.image_to_mesh.remove_jobs.poll()  # never while one is running
    bpy.ops.image_to_mesh.cancel()
    finish_all()
    bpy.ops.image_to_mesh.remove_jobs()
    run(lambda: extension.background_task().ended)
    extension.let_disk_be_scanned(True)
    left = {folder.name for folder in folders.iterdir()}
    assert {"waiting", "young"} <= left and not removable & left
    run(lambda: disk.seen() and not disk.running)
    assert disk.seen().removable == 0 and disk.seen().jobs >= len("not imported yet")


def check_previews_come_and_go_and_leave_no_data():
    """The mesh so far is drawn in the viewport, but it is no object: nothing to undo."""
    bpy.context.scene.cursor.location = (1, 2, 3)
    bpy.ops.ed.undo_push(message="Before")
    job = start("preview wait:0.3")
    run(lambda: job.stage == "wait")
    shown, place = extension.shown_preview()
    assert len(job.preview.vertices) == 8 and shown is job.preview and np.allclose(place[:3, 3], (1, 2, 3.5))
    assert not extension.made() and len(bpy.data.meshes) == 1
    finish_all()
    assert extension.shown_preview()[0] is None and len(extension.made()) == 1
    bpy.ops.ed.undo()
    assert not extension.made() and "Cube" in bpy.data.objects


def check_a_preview_is_lit_from_above():
    job = start("preview wait:0.3")
    run(lambda: job.stage == "wait")
    corners, colors = extension.viewport_preview.shaded(job.preview)
    assert corners.shape == (36, 3) and colors.shape == (36, 4) and 0 <= colors.min() and colors.max() <= 1
    heights = corners.reshape(12, 3, 3)[:, :, 2]
    on_top, below = (np.repeat((heights == height).all(1), 3) for height in (0.5, -0.5))
    assert colors[on_top, 0].max() > colors[below, 0].max()
    given = job.preview.colors[job.preview.faces].reshape(36, 4) / 255
    lit = (colors[on_top] / given[on_top])[:, :3]
    assert np.allclose(lit**2.2, 0.45 + 0.55 * 0.6 / 1.005, atol=1e-3)  # of linear light; the colours are sRGB
    finish_all()


def begin_optimising():
    """A job that the double goes on with until it is told to end."""
    choose("optimise")
    settings().engine = "ZERO123_SDS"
    bpy.ops.image_to_mesh.generate()
    return extension.jobs()[-1]


def buttons(job):
    """Names of the live operators in the panel's result."""
    layout = Mock()
    extension.result_panel.draw_job(layout, bpy.context, [job.record])
    if not layout.row().row().enabled:
        return ["image_to_mesh.cancel"]
    return [call.args[0] for call in layout.mock_calls if call[0].endswith("operator")]


def check_an_optimisation_can_be_stopped_and_kept():
    job = begin_optimising()
    assert buttons(job) == ["image_to_mesh.cancel"], "nothing has begun"
    run(lambda: job.stage == "optimising")
    assert buttons(job) == ["image_to_mesh.stop_and_keep", "image_to_mesh.cancel"]
    assert bpy.ops.image_to_mesh.stop_and_keep(job="another") == {"CANCELLED"}
    assert bpy.ops.image_to_mesh.stop_and_keep(job=job.id) == {"FINISHED"}
    finish_all()
    assert job.state.name == "DONE" and job.facts["stopped"] and len(extension.made()) == 1


def check_engines_that_do_not_optimise_can_only_be_cancelled():
    job = start("wait:0.3")
    run(lambda: job.stage == "wait")
    assert buttons(job) == ["image_to_mesh.cancel"]
    finish_all()


def check_a_cancelled_optimisation_is_offered_and_resumed():
    items = extension.job_buttons.resumable_items
    job = begin_optimising()
    run(lambda: job.stage == "optimising")
    assert items(None, None)[0][0] == "NONE", "it still runs"
    parameters = job.parameters
    bpy.ops.image_to_mesh.cancel(job=job.id)
    finish_all()
    assert [item[0] for item in items(None, None)] == [job.id] and not extension.made()
    bpy.context.scene.cursor.location = (4, 5, 6)
    assert bpy.ops.image_to_mesh.resume(job=job.id) == {"FINISHED"}
    [again] = extension.jobs()
    run(lambda: again.stage == "optimising")
    assert again.parameters == parameters and again.name == job.name == "Apple"
    bpy.ops.image_to_mesh.stop_and_keep(job=again.id)
    finish_all()
    assert again.facts["jobs"].split() == [job.id, again.id]
    [ob] = extension.made()
    assert tuple(ob.location) == (4, 5, 6) and items(None, None)[0][0] == "NONE"


def check_the_time_before_the_click_is_learnt_from_jobs():
    lrm, times = extension.tasks.LRM, extension.stage_times
    assert extension.expected_words(lrm) in {f"About {n} s" for n in range(10, 100, 10)}, "by the shipped table"
    parameters = extension.engine_settings.parameters_of(settings(), lrm)
    (DATA / "jobs").mkdir(parents=True, exist_ok=True)
    times.remember_times(DATA / "jobs", times.kind_of("lrm", parameters, False), {"Surface": 170.0})
    generate()
    assert extension.expected_words(lrm) == "About 3 min", "read again after a job"


def check_free_memory_keeps_the_backend():
    assert not bpy.ops.image_to_mesh.free_memory.poll()
    generate()
    pid = extension.process().pid
    assert bpy.ops.image_to_mesh.free_memory() == {"FINISHED"}
    run((DATA / "unloaded").exists)
    assert extension.process().pid == pid


def check_the_status_bar_shows_the_running_job_and_its_end():
    told, session = [], extension.session()
    with patch.object(session, "write_status", told.append):
        job = start("views wait:0.3")
        run(lambda: job.stage == "wait")
        finish_all()
        extension.tick()
    assert "Image to Mesh: Apple: wait 1/2. About 10 s left" in told, told
    assert told[-1] == "Image to Mesh: Apple is done"

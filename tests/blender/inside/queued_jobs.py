# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs from the button to the scene, and what may come between."""

import os
import time
from types import SimpleNamespace
from unittest.mock import Mock

import bpy
from stage import DATA, choose, made, make_job, module, preferences, raises, run, settings, the_session


def check_a_broken_backend_is_explained_and_the_next_click_works():
    for script, word in (("views die", "killed"), ("garbage", "understood"), ("outside", "range"), ("refuse", "Crop")):
        choose(script)
        raises(bpy.ops.image_to_mesh.generate, word, wait=True)
    count = len(made())
    choose("views")
    bpy.ops.image_to_mesh.generate(wait=True)
    assert len(made()) == count + 1


def check_jobs_queue_and_can_be_cancelled():
    session, count = the_session(), len(made())
    choose("views wait")
    bpy.ops.image_to_mesh.generate()
    choose("views")
    bpy.ops.image_to_mesh.generate()
    first, second = session.queue.jobs()
    run(lambda: first.progress.stage == "wait")
    assert first.progress.sheet.shape == (48, 48, 4)
    bpy.ops.image_to_mesh.cancel(job=first.id)
    run(lambda: not session.queue.busy)
    assert (first.state.name, second.state.name, len(made())) == ("CANCELLED", "DONE", count + 1)


def check_the_time_of_every_import_is_left_out_of_what_held_blender():
    session, now = the_session(), [0.0]

    def spend(seconds):
        now[0] += seconds

    def ending(seconds):
        scene = bpy.context.scene.session_uid
        return make_job(SimpleNamespace(scene=scene, frame=None, deliver=lambda *_: spend(seconds)))

    real, announce = (session.longest_ms, session.longest_import_ms), session.announce
    module("addon.session").time = SimpleNamespace(perf_counter=lambda: now[0], monotonic=time.monotonic)
    session.announce = lambda: spend(0.02)
    try:
        session.longest_ms = session.longest_import_ms = 0.0
        for seconds in (0.5, 0.3):  # the second is not the longest
            session.queue.arrived.append(ending(seconds))
            session.tick()
        assert abs(session.longest_import_ms - 500) < 1e-6, session.longest_import_ms
        assert abs(session.longest_ms - 20) < 1e-6, session.longest_ms
    finally:
        module("addon.session").time, session.announce = time, announce
        session.longest_ms, session.longest_import_ms = real


def check_a_mesh_waits_until_edit_mode_is_left():
    session, count = the_session(), len(made())
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.image_to_mesh.generate()
    [job] = session.queue.jobs()
    run(lambda: job.progress.note)
    assert "Edit" in job.progress.note and len(made()) == count
    bpy.ops.object.mode_set(mode="OBJECT")
    run(lambda: not session.queue.busy)
    assert len(made()) == count + 1


def check_a_result_survives_opening_another_file():
    session = the_session()
    choose("views wait:0.5")
    bpy.ops.image_to_mesh.generate()
    [job] = session.queue.jobs()
    run(lambda: job.progress.stage == "wait")
    bpy.ops.wm.read_homefile()
    run(lambda: not session.queue.busy)
    assert job.state.name == "FAILED" and "Import Finished Job" in job.outcome.remedy and not made()
    offered = [item[0] for item in module("addon.operators.jobs").finished_items(None, None)]
    assert offered[0] == job.id
    bpy.ops.image_to_mesh.import_finished(job=job.id)
    assert [ob.name for ob in made()] == ["Apple"] and len(made()[0].data.vertices) == 8
    assert job.id not in [item[0] for item in module("addon.operators.jobs").finished_items(None, None)]


def check_out_of_memory_offers_what_to_lower():
    session, declarations = the_session(), module("backend.interface.tasks")
    choose("memory")
    raises(bpy.ops.image_to_mesh.generate, "Full", wait=True)
    job = session.queue.last
    assert job.outcome.lower == {"mesh_resolution": 64} and settings().one2345.mesh_resolution != 64
    bpy.ops.image_to_mesh.lower(job=job.id, parameter="mesh_resolution")
    assert settings().one2345.mesh_resolution == 64 and not job.outcome.lower
    declared = declarations.task("one2345")
    module("addon.settings.engines").set_value(settings(), declared, "device", "cpu")
    assert preferences().device == "CPU"
    module("addon.settings.engines").set_value(settings(), declared, "elevation_deg", 30.0)
    value_of = module("addon.settings.engines").value_of
    assert value_of(settings(), declared, declared.parameter("elevation_deg")) == 30.0
    preferences().device = "AUTO"
    choose("memory:nonsense")
    raises(bpy.ops.image_to_mesh.generate, "Full", wait=True)
    assert session.queue.last.outcome.lower == {}


def check_a_finished_job_tells_what_it_went_by():
    findings = module("addon.panels.status").findings
    report = {"elevation_deg": 20.0, "elevation": "given, because", "background": "Border.", "seconds": 1}
    assert findings(report) == ["Elevation 20°, given, because", "Border."]
    assert findings(report | {"depth": 0.8})[1:] == ["Depth 0.8 of the width", "Border."]
    assert findings({"elevation_deg": "?", "warning": "Not kept"}) == ["Not kept", "?"] and findings({}) == []


def check_imported_jobs_can_be_removed_and_others_stay():
    jobs, folders = DATA / "jobs", module("addon.setup.job_folders")
    choose("views")
    bpy.ops.image_to_mesh.generate(wait=True)
    waiting, young, old = jobs / "waiting", jobs / "young", jobs / "old"
    for folder in (waiting, young, old):
        folder.mkdir()
        (folder / "request.json").write_text("{}")
    (waiting / "result.npz").write_text("not imported yet")
    os.utime(old, (0, 0))
    removable = {folder.name for folder in folders.removable(jobs)}
    assert the_session().queue.last.id in removable and "old" in removable
    assert not removable & {"waiting", "young"}
    choose("wait")
    bpy.ops.image_to_mesh.generate()
    assert not bpy.ops.image_to_mesh.remove_jobs.poll()  # never while one is running
    bpy.ops.image_to_mesh.cancel()
    run(lambda: not the_session().queue.busy)
    bpy.ops.image_to_mesh.remove_jobs()
    run(lambda: the_session().setup.task.ended)
    left = {folder.name for folder in jobs.iterdir()}
    assert {"waiting", "young"} <= left and not removable & left
    disk = the_session().disk_scan
    run(lambda: disk.seen() and not disk.running)
    assert disk.seen().removable == 0 and disk.seen().jobs >= len("not imported yet")


def check_an_optimisation_can_be_stopped_and_kept_from_the_panel():
    """The button stands there only while something is optimised; the double optimises until it is told to end."""
    choose("optimise")
    settings().engine = "ZERO123_SDS"
    session, count = the_session(), len(made())
    draw_job = module("addon.panels.status").draw_job

    def drawn(job):
        layout = Mock()
        draw_job(layout, bpy.context, job)
        return [call.args[0] for call in layout.mock_calls if call[0].endswith("operator")]

    bpy.ops.image_to_mesh.generate()
    [job] = session.queue.jobs()
    assert drawn(job) == ["image_to_mesh.cancel"], "nothing has begun"
    run(lambda: job.progress.stage == "optimising")
    assert drawn(job) == ["image_to_mesh.stop_and_keep", "image_to_mesh.cancel"]
    assert bpy.ops.image_to_mesh.stop_and_keep(job="another") == {"CANCELLED"}
    assert bpy.ops.image_to_mesh.stop_and_keep(job=job.id) == {"FINISHED"}
    run(lambda: not session.queue.busy)
    assert job.state.name == "DONE" and job.outcome.facts["stopped"] and len(made()) == count + 1
    choose("wait")  # of an engine that does not optimise
    bpy.ops.image_to_mesh.generate()
    [job] = session.queue.jobs()
    run(lambda: job.progress.stage == "wait")
    assert drawn(job) == ["image_to_mesh.cancel"]
    bpy.ops.image_to_mesh.cancel()
    run(lambda: not session.queue.busy)


def check_a_cancelled_optimisation_is_offered_and_resumed():
    choose("optimise")
    settings().engine = "ZERO123_SDS"
    session, count, items = the_session(), len(made()), module("addon.operators.jobs").resumable_items
    bpy.ops.image_to_mesh.generate()
    [job] = session.queue.jobs()
    run(lambda: job.progress.stage == "optimising")
    assert job.id not in [item[0] for item in items(None, None)], "it still runs"
    bpy.ops.image_to_mesh.cancel(job=job.id)
    run(lambda: not session.queue.busy)
    assert items(None, None)[0][0] == job.id
    bpy.context.scene.cursor.location = (4, 5, 6)
    assert bpy.ops.image_to_mesh.resume(job=job.id) == {"FINISHED"}
    [again] = session.queue.jobs()
    run(lambda: again.progress.stage == "optimising")
    assert again.request.parameters == job.request.parameters and again.name == job.name
    bpy.ops.image_to_mesh.stop_and_keep(job=again.id)
    run(lambda: not session.queue.busy)
    assert again.outcome.facts["jobs"].split() == [job.id, again.id] and len(made()) == count + 1
    assert tuple(bpy.context.object.location) == (4, 5, 6)
    assert job.id not in [item[0] for item in items(None, None)]
    choose("views")


def check_free_memory_keeps_the_backend():
    queue = the_session().queue
    choose("views")
    bpy.ops.image_to_mesh.generate(wait=True)
    pid = queue.process.pid
    (DATA / "unloaded").unlink(missing_ok=True)
    assert bpy.ops.image_to_mesh.free_memory() == {"FINISHED"}
    run((DATA / "unloaded").exists)
    assert queue.process.pid == pid

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
"""The queue of jobs with a process that obeys, misbehaves and dies. No Blender: that is the point of its design."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from image_to_mesh_checkout.addon.base import arrays
from image_to_mesh_checkout.addon.base.trouble import Trouble
from image_to_mesh_checkout.addon.jobs import queue as jobs
from image_to_mesh_checkout.addon.jobs.job import State
from image_to_mesh_checkout.addon.jobs.queue import JobQueue

from tests.support.job_queue import PATIENCE_S, begin_optimising, finish, job, run


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


HELLO = (  # a backend of one line greets
    "import json, os, subprocess, sys\n"
    "def say(**more):\n"
    "    print(json.dumps({'type': 'hello', 'protocol': 1, 'attachments': [], **more}), flush=True)\n"
    "say()"
)


def is_running(pid):
    """Whether a process is alive and no zombie, which nobody may ask for in a container."""
    stat = Path(f"/proc/{pid}/stat")
    return is_alive(pid) and not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


def test_a_job_is_delivered_with_its_mesh_views_and_provenance(make, scene):
    queue, one = make(), job("background views mesh")
    finish(queue, one)
    [(name, mesh)] = scene.delivered
    assert one.state is State.DONE and name == "background views mesh"
    assert mesh.vertices.shape == (8, 3) and mesh.faces.shape == (12, 3)
    assert mesh.colors[7].tolist() == [220, 220, 220, 255] and mesh.colors[0].tolist() == [20, 20, 20, 255]
    assert one.progress.sheet.shape == (48, 48, 4)  # 8 views of 16 pixels in 3 x 3 cells
    assert one.provenance()["seed"] == 7 and one.provenance()["report"] == {"seconds": 1}
    assert (Path(one.outcome.folder) / "result.npz").exists()


def test_jobs_run_in_their_order_in_one_process(make, scene):
    queue = make()
    first, second = job("a", name="first"), job("b", name="second")
    queue.submit(first)
    queue.submit(second)
    run(queue, lambda: first.state is State.DONE)
    pid = queue.process.pid
    run(queue, lambda: not queue.busy)
    assert [name for name, _ in scene.delivered] == ["first", "second"]
    assert queue.process.pid == pid


def test_progress_is_told(make):
    queue, one = make(), job("views wait")
    queue.submit(one)
    run(queue, lambda: one.progress.stage == "wait")
    assert (one.progress.step, one.progress.total, one.progress.overall, one.progress.eta_s) == (1, 2, 0.5, 1.0)


def test_nothing_starts_before_a_job(make):
    queue = make()
    queue.poll()
    assert queue.process is None


@pytest.mark.parametrize(
    "script, words",
    [
        ("views die", "killed"),
        ("views die:11", "signal 11"),
        ("exit:3", "status 3"),
        ("views garbage", "invalid message"),
        ("malformed", "invalid message"),
        ("half", "killed"),
        ("outside", "out of range"),
        ("refuse", "No object"),
    ],
)
def test_a_failure_says_what_happened_and_the_next_click_works(make, scene, script, words):
    queue, bad, good = make(), job(script), job("views", name="good")
    finish(queue, bad)
    assert bad.state is State.FAILED and words in bad.outcome.message and bad.outcome.remedy
    finish(queue, good)
    assert good.state is State.DONE and [name for name, _ in scene.delivered] == ["good"]


def test_queued_jobs_go_on_when_the_backend_dies(make, scene):
    queue = make()
    finish(queue, job("die"), job("views", name="after"))
    assert [name for name, _ in scene.delivered] == ["after"]


def test_kill_9_from_outside_at_every_stage(make, scene):
    queue = make()
    for stage in ("background", "views", "field", "mesh"):
        one = job(f"{stage} wait")
        queue.submit(one)
        run(queue, lambda one=one: one.progress.stage == "wait")
        os.kill(queue.process.pid, 9)
        run(queue, lambda: not queue.busy)
        assert one.state is State.FAILED and "killed" in one.outcome.message
    finish(queue, job("views", name="after"))
    assert [name for name, _ in scene.delivered] == ["after"]


def test_a_click_finds_out_that_an_idle_backend_has_died(make, scene):
    queue = make()
    finish(queue, job("views", name="before"))
    dead, pid = queue.process, queue.process.pid
    os.kill(pid, 9)
    while is_alive(pid):  # until its end is known, but not to the queue
        dead._popen.poll()
    finish(queue, job("views", name="after"))
    assert [name for name, _ in scene.delivered] == ["before", "after"] and queue.process is not dead


def test_a_backend_that_dies_of_every_click_is_not_started_for_ever(make, tmp_path):
    command = [sys.executable, "-c", f"{HELLO}; sys.stdin.readline(); open('started', 'a').write('1'); os.kill(0, 9)"]
    queue, one = make(command=command), job("views")
    finish(queue, one)
    assert one.state is State.FAILED and "killed" in one.outcome.message
    assert (tmp_path / "started").read_text() == "11"


def test_children_of_a_killed_backend_are_ended(make):
    child = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(999)'], stdout=2).pid"
    queue, one = make(command=[sys.executable, "-c", f"{HELLO}; say(pid={child}); sys.stdin.read()"]), job("views")
    queue.submit(one)
    run(queue, lambda: "pid" in queue.hello and one.sent)
    child = queue.hello["pid"]
    assert is_alive(child)
    os.kill(queue.process.pid, 9)
    run(queue, lambda: not is_running(child))


def test_whatever_fails_in_the_reading_thread_is_told(scene):
    def prepare():
        raise MemoryError("no room")

    queue, one = JobQueue(lambda: prepare, scene), job("views")
    finish(queue, one)
    assert one.state is State.FAILED and "no room" in one.outcome.message and one.outcome.remedy


def test_a_log_that_cannot_be_written_keeps_no_job_from_its_end(make, scene, tmp_path):
    (tmp_path / "logs").write_text("not a folder")
    finish(make(), job("views", name="done"))
    assert [name for name, _ in scene.delivered] == ["done"]


def test_cancel_is_heard_and_keeps_the_process(make, scene):
    queue, one = make(), job("views wait")
    queue.submit(one)
    run(queue, lambda: one.progress.stage == "wait")
    pid = queue.process.pid
    queue.cancel(one)
    run(queue, lambda: not queue.busy)
    assert one.state is State.CANCELLED and not scene.delivered
    finish(queue, job("views"))
    assert queue.process.pid == pid


def test_a_backend_that_does_not_hear_a_cancel_is_killed(make, monkeypatch):
    monkeypatch.setattr(jobs, "CANCEL_S", 0.05)
    queue, one = make(), job("deaf")
    queue.submit(one)
    run(queue, lambda: one.progress.stage == "deaf")
    process, pid = queue.process, queue.process.pid
    queue.cancel(one)
    run(queue, lambda: not queue.busy)
    assert one.state is State.CANCELLED
    process.close(PATIENCE_S)
    assert not is_alive(pid)
    finish(queue, job("views", name="after"))
    assert queue.last.state is State.DONE


def test_waiting_jobs_are_cancelled_at_once(make, scene):
    queue, first, second = make(), job("wait"), job("views")
    queue.submit(first)
    queue.submit(second)
    run(queue, lambda: first.progress.stage == "wait")
    queue.cancel(second)
    assert second.state is State.CANCELLED and queue.jobs() == [first]


def test_cancel_before_the_backend_greets(make):
    queue, one = make(DOUBLE_MUTE="1"), job("views")
    queue.submit(one)
    queue.poll()
    queue.cancel(one)
    assert one.state is State.CANCELLED and not queue.busy


def test_another_protocol_is_refused(make):
    queue, one = make(DOUBLE_PROTOCOL="2"), job("views")
    finish(queue, one)
    assert one.state is State.FAILED and "protocol 2" in one.outcome.message and "Repair" in one.outcome.remedy
    assert queue.process is None


def test_an_engine_that_cannot_run_says_what_is_missing(make):
    queue, one = make(DOUBLE_MISSING="1"), job("views")
    finish(queue, one)
    assert one.state is State.FAILED and "starter" in one.outcome.message and one.outcome.remedy == "Get them"


def test_an_interpreter_that_is_not_there(make, tmp_path):
    queue, one = make(command=[str(tmp_path / "no-python")]), job("views")
    finish(queue, one)
    assert one.state is State.FAILED
    assert "could not be started" in one.outcome.message and "Set up" in one.outcome.remedy


def test_trouble_while_preparing(scene):
    def prepare():
        raise Trouble("The disk is full", "Make room", "disk")

    queue, one = JobQueue(lambda: prepare, scene), job("views")
    finish(queue, one)
    outcome = one.outcome
    assert one.state is State.FAILED
    assert (outcome.message, outcome.remedy, outcome.kind) == ("The disk is full", "Make room", "disk")


def test_an_image_that_vanishes_while_it_waits(make, tmp_path):
    queue = make()
    gone = job("gone", attachments=lambda: {"image_file": (tmp_path / "gone.png").read_bytes()})
    finish(queue, gone, job("views", name="after"))
    assert gone.state is State.FAILED and "cannot be read" in gone.outcome.message
    assert queue.last.state is State.DONE


def test_a_result_waits_until_the_scene_can_take_it(make, scene):
    queue, one = make(), job("views")
    scene.obstacle = "Waiting until you leave Sculpt mode"
    queue.submit(one)
    run(queue, lambda: one.progress.note)
    assert queue.busy and one.state is State.FINISHED and not scene.delivered
    scene.obstacle = ""
    queue.poll()
    assert one.state is State.DONE and len(scene.delivered) == 1


def test_silence_is_noticed(make, monkeypatch):
    monkeypatch.setattr(jobs, "SILENCE_S", 0.05)
    queue, one = make(DOUBLE_MUTE="1"), job("views")
    finish(queue, one)
    assert one.state is State.FAILED and "not responded" in one.outcome.message


def test_stop_leaves_no_process(make):
    queue, one = make(), job("wait")
    queue.submit(one)
    run(queue, lambda: one.progress.stage == "wait")
    pid = queue.process.pid
    queue.stop()
    assert not is_alive(pid) and not queue.busy


def test_views_become_one_picture_over_a_grey_ground(make):

    views = np.zeros((3, 2, 2, 4), np.uint8)
    views[1] = (10, 20, 30, 255)
    sheet = arrays.contact_sheet(views)
    assert sheet.shape == (4, 4, 4) and (sheet[..., 3] == 255).all()
    assert sheet[0, 2].tolist() == [10, 20, 30, 255]  # the second view, top right
    assert sheet[3, 3].tolist() == [48, 48, 48, 255] == sheet[0, 0].tolist()


def test_big_pictures_shrink():

    assert max(arrays.contact_sheet(np.zeros((32, 256, 256, 4), np.uint8)).shape[:2]) <= arrays.SHEET_PIXELS


def test_float_pixels_become_straight_srgb():
    """Half grey light under half coverage, as Blender keeps it: 0.25 premultiplied; sRGB of 0.5 is 0.7354."""
    import io

    pixels = np.zeros((2, 1, 4), np.float32)
    pixels[0, 0] = (0.25, 0.25, 0.25, 0.5)  # the first row of Blender's pixels is the bottom one
    image = np.load(io.BytesIO(arrays.encode_image(pixels, True)))["image"]
    np.testing.assert_allclose(image[1, 0], (0.7354, 0.7354, 0.7354, 0.5), atol=1e-4)
    assert image[0, 0].tolist() == [0, 0, 0, 0]


def test_blenders_own_part_comes_first_a_step_at_a_time(make, scene):
    """Attachments are read after the preparation has ended."""
    taken = []

    def prepare():
        for number in range(3):
            yield number, 3
            taken.append(number)

    queue = make()
    attachments = lambda: {"image_file": b"views" if taken == [0, 1, 2] else b"refuse"}  # noqa: E731
    one = job("views", preparation=prepare(), attachments=attachments)
    queue.submit(one)
    queue.poll()
    progress = one.progress
    assert (progress.stage, progress.step, progress.total) == ("Rendering views", 0, 3) and queue.process is None
    queue.poll()
    assert taken == [0] and one.progress.step == 1
    run(queue, lambda: not queue.busy)
    assert one.state is State.DONE and len(scene.delivered) == 1


def test_work_that_is_blenders_alone_needs_no_backend(make, scene):
    queue, one = make(), job("alone", engine="", preparation=iter([(0, 1)]))
    finish(queue, one)
    assert one.state is State.DONE and queue.process is None and scene.delivered == [("alone", None)]


def test_a_preparation_can_be_cancelled_and_can_fail(make):
    def fails():
        yield 0, 2
        raise Trouble("The objects are gone", "Select them again", "moved")

    queue, first, second = make(), job("views", preparation=iter([(0, 9)] * 9)), job("views", preparation=fails())
    queue.submit(first)
    queue.submit(second)
    queue.poll()
    queue.cancel(first)
    run(queue, lambda: not queue.busy)
    assert first.state is State.CANCELLED and second.state is State.FAILED and "gone" in second.outcome.message


def test_stop_and_keep_ends_an_optimisation_with_its_mesh(make, scene):
    queue = make()
    one = begin_optimising(queue)
    queue.stop_and_keep(one)
    assert one.state is State.STOPPING and queue.active is one
    run(queue, lambda: not queue.busy)
    assert one.state is State.DONE and one.outcome.facts["stopped"]
    assert [name for name, _ in scene.delivered] == ["optimise"]


def test_a_job_that_stops_can_still_be_cancelled(make, scene):
    queue = make()
    one = begin_optimising(queue)
    one.state = State.STOPPING  # as if the backend had not heard of it yet
    queue.cancel(one)
    run(queue, lambda: not queue.busy)
    assert one.state is State.CANCELLED and not scene.delivered


def test_only_a_running_job_can_be_stopped_and_kept(make):
    queue = make()
    running = begin_optimising(queue)
    waiting = job("views")
    queue.submit(waiting)
    queue.stop_and_keep(waiting)
    assert waiting.state is State.QUEUED and running.state is State.RUNNING


def test_free_memory_reaches_the_backend_and_leaves_it_running(make, tmp_path):
    queue = make()
    finish(queue, job("views"))
    pid = queue.process.pid
    queue.unload()
    run(queue, (tmp_path / "unloaded").exists)
    finish(queue, job("views", name="after"))
    assert queue.process.pid == pid and queue.last.name == "after"


def question(number, text="views"):
    return {"type": "look", "look": number, "framed": 16}, lambda: {"image_file": text.encode()}


def test_a_question_starts_the_backend_and_is_answered_beside_a_job(make, answers):
    queue = make()
    queue.ask(*question(1))
    run(queue, lambda: answers)
    assert answers[0]["look"] == 1 and answers[0]["picture"].shape == (16, 16, 4)
    one = job("wait")
    queue.submit(one)
    run(queue, lambda: one.progress.stage == "wait")
    queue.ask(*question(2, "refuse"))
    run(queue, lambda: len(answers) == 2)
    assert answers[1]["look"] == 2 and answers[1]["message"] == "No object" and "picture" not in answers[1]
    assert one.state is State.RUNNING


def test_of_several_questions_the_newest_is_answered(make, answers):
    queue = make()
    for number in range(5):
        queue.ask(*question(number))
    run(queue, lambda: answers)
    assert answers[-1]["look"] == 4


def test_a_question_is_answered_even_if_the_backend_ends(make, answers):
    queue = make(["/nowhere/python"])
    queue.ask(*question(3))
    run(queue, lambda: answers)
    assert answers[0]["look"] == 3 and "could not be started" in answers[0]["message"]


def test_warming_up_starts_the_backend_once(make):
    queue = make()
    queue.warm_up()
    run(queue, lambda: queue.hello)
    pid = queue.process.pid
    queue.warm_up()
    assert queue.process.pid == pid and not queue.busy


def test_a_file_that_cannot_be_read_is_an_answer_too(make, answers):
    def gone():
        raise OSError(2, "No such file")

    queue = make()
    queue.ask(question(5)[0], gone)
    run(queue, lambda: answers)
    assert answers[0]["look"] == 5 and "No such file" in answers[0]["message"]

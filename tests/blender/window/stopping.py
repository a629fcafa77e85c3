# SPDX-License-Identifier: GPL-3.0-or-later
"""Finish Now, Cancel and Resume of a running optimisation in a real window, with the picture stop_and_keep.

Ends with status 0 only if real clicks on Finish Now gave a mesh after few steps, a click on Cancel left a job to
resume, that went on from its checkpoint, and Free Memory left the backend running.
"""

import sys

import bpy
import rig

sys.path.insert(0, next(a for a in rig.SESSION["args"] if a.startswith("here=")).removeprefix("here="))
from played import ARGS, PATIENCE_S, extension, meshes, prepare, press
from widgets import rows_around_main

STEPS = 100_000  # more than anybody waits for


def optimising(job):
    """`yield from optimising(job)`: wait until the optimisation itself has made some steps."""
    reached = lambda: job.stage.startswith("Optimising") and job.step > 2  # noqa: E731
    yield from rig.wait_until(lambda: reached() or not extension.is_busy(), PATIENCE_S)
    assert extension.is_busy(), extension.last_job().message


def begin(operator, **arguments):
    """`job = yield from begin(...)`: start a job and wait for its first steps."""
    assert operator(**arguments) == {"FINISHED"}
    job = extension.jobs()[-1]
    yield from optimising(job)
    yield 1.0
    return job


def press_in_row(number, until):
    """Click Finish Now, 0, or Cancel, 1: the first row of two below the main button."""
    _, _, below = yield from rows_around_main()
    yield from press(next(row for row in below if len(row) == 2)[number], until)


def stop(number):
    """`yield from stop(0)`: a click on Finish Now, stop(1): on Cancel; then wait for the job's end."""
    yield from press_in_row(number, lambda: not extension.is_busy() or extension.jobs()[0].state.value != "Running")
    yield from rig.wait_until(lambda: not extension.is_busy(), PATIENCE_S)
    return extension.last_job()


def steps():
    settings = bpy.context.scene.image_to_mesh
    prepare("zero123_sds")
    settings.filepath = ARGS["image"]
    settings.zero123_sds.steps, settings.zero123_sds.mesh_resolution = STEPS, 48
    yield from rig.open_sidebar("Image to Mesh")

    job = yield from begin(bpy.ops.image_to_mesh.generate)
    yield from rig.wait_until(lambda: job.sheet is not None, PATIENCE_S)
    yield 1.0
    rig.shot("stop_and_keep")
    kept = yield from stop(0)
    rig.log("stopped and kept:", kept.state.value, kept.facts.get("steps"), kept.message)
    assert kept.state.value == "Done" and kept.facts["stopped"] and len(meshes()) == 1
    assert 0 < kept.facts["steps"] < STEPS

    begun = yield from begin(bpy.ops.image_to_mesh.generate)
    cancelled = yield from stop(1)
    assert cancelled.id == begun.id and cancelled.state.value == "Cancelled" and len(meshes()) == 1
    offered = [item[0] for item in extension.job_buttons.resumable_items(None, None)]
    rig.log("can be resumed:", offered)
    assert offered == [begun.id]
    yield from begin(bpy.ops.image_to_mesh.resume, job=begun.id)
    resumed = yield from stop(0)
    rig.log("resumed at step", resumed.facts.get("resumed_at"), "of", resumed.facts.get("steps"))
    assert resumed.state.value == "Done" and resumed.facts["resumed_at"] > 0 and len(meshes()) == 2

    pid = extension.process().pid
    assert bpy.ops.image_to_mesh.free_memory() == {"FINISHED"}
    yield 2.0
    assert extension.process() and extension.process().pid == pid


rig.play(steps)

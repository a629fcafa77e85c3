# SPDX-License-Identifier: GPL-3.0-or-later
"""`kill -9` of the backend in each stage, then a cancel in each stage, then another file, in a real window.

Each time the next job must run. Ends with status 0 only if all did, no process was left, and nothing held Blender.
"""

import os
import signal
import sys
import time

import bpy
import rig

sys.path.insert(0, next(a for a in rig.SESSION["args"] if a.startswith("here=")).removeprefix("here="))
from played import ARGS, PATIENCE_S, extension, log_holds, meshes, prepare, watch

STARTS = ("Starting", "Starting the backend")  # whether it runs already


def begin(stages, stage):
    """`yield from begin(...)`: start a job and wait until it is in the stage; keeps the names of all stages seen."""
    assert bpy.ops.image_to_mesh.generate() == {"FINISHED"}
    job = extension.jobs()[-1]

    def there():
        if job.stage and job.stage not in stages:
            stages.append(job.stage)
        wanted = STARTS if stage in STARTS else (stage,)
        return job.stage in wanted or not extension.is_busy()

    yield from rig.wait_until(there, PATIENCE_S, every=0.05)
    return job


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def steps():
    stages = []
    prepare()
    bpy.context.scene.image_to_mesh.filepath = ARGS["image"]
    yield from rig.open_sidebar("Image to Mesh")
    watch()
    if "stages" in ARGS:
        stages = ARGS["stages"].split(",")
    else:
        job = yield from begin(stages, None)
        assert job.state.value == "Done", job.message
        stages = [stage for stage in stages if stage != "Adding the mesh"]
    rig.log("stages:", stages)
    for stage in stages:
        job = yield from begin([], stage)
        yield from rig.wait_until(lambda: extension.process().pid, 10, every=0.05)
        pid = extension.process().pid
        os.kill(pid, signal.SIGKILL)
        yield from rig.wait_until(lambda: not extension.is_busy(), 10)
        rig.log(f"killed while {stage}: {job.state.value}: {job.message}. {job.remedy}")
        assert job.state.value == "Failed" and not is_alive(pid)
        if stage == stages[0]:
            yield 0.5
            rig.shot("killed")
    for stage in stages:
        job = yield from begin([], stage)
        began = time.monotonic()
        bpy.ops.image_to_mesh.cancel(job=job.id)
        yield from rig.wait_until(lambda: not extension.is_busy(), 10, every=0.02)
        rig.log(f"cancelled while {stage}: {time.monotonic() - began:.2f} s, process kept: {bool(extension.process())}")
        assert job.state.value == "Cancelled"
    job = yield from begin([], stages[-1])
    bpy.ops.wm.read_homefile(app_template="")
    yield from rig.wait_until(lambda: not extension.is_busy(), PATIENCE_S)
    rig.log(f"another file was opened: {job.state.value}: {job.message}. {job.remedy}")
    bpy.ops.image_to_mesh.import_finished(job=job.id)
    yield from rig.wait_until(lambda: not extension.is_busy(), 10)
    assert len(meshes()) == 1
    rig.log("imported later:", meshes())
    log_holds()
    pid = extension.process().pid
    bpy.ops.preferences.addon_disable(module=extension.NAME)
    assert not is_alive(pid)


rig.play(steps)

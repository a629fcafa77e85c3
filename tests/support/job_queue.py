# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
"""Jobs for the double, and polling a queue until something is so."""

import time

from image_to_mesh_checkout.addon.jobs.job import Job, Request

from tests.support import ROOT

DOUBLE = ROOT / "tests" / "blender" / "double"
PATIENCE_S = 30.0  # only a broken test waits so long


class Scene:
    """Stands where Blender's scene would: keeps what is delivered, and can ask for patience."""

    def __init__(self):
        self.delivered, self.obstacle = [], ""

    def __call__(self, job):
        if not self.obstacle:
            self.delivered.append((job.name, job.outcome.mesh))
        return self.obstacle


def job(script, name="", engine="one2345", **more):
    more = {"attachments": lambda: {"image_file": script.encode()}} | more
    return Job(Request(engine, {}, 7, name=name or script, **more), delivery=None)  # the queue hands it on unread


def run(queue, until):
    end = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < end, "nothing happened"
        queue.poll()
        time.sleep(0.005)


def finish(queue, *jobs_):
    for one in jobs_:
        queue.submit(one)
    run(queue, lambda: not queue.busy)


def begin_optimising(queue, **more):
    """A job that goes on until it is told to end."""
    one = job("optimise", **more)
    queue.submit(one)
    run(queue, lambda: one.progress.stage == "optimising")
    return one

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
"""A machine asleep: the backend is stopped in the middle of a job and goes on later, with or without Blender."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from image_to_mesh_checkout.addon.jobs import queue
from image_to_mesh_checkout.addon.jobs.job import State

from .disk import ended
from .stand import Stand
from .tiny_jobs import TINY

NIGHT_S = 9 * 3600.0


class Sleep:
    """Ways: the backend alone sleeps; both sleep; both for a whole night, by Blender's clock; and a cancel that meets a
    sleeping backend. No good job may be lost, and no cancel may hang."""

    WAYS = ("backend", "both", "night", "cancel")

    def __init__(self, scratch: Path) -> None:
        self.stand = Stand(scratch)
        self.stand.kills = True  # by a cancel that is not heard

    def trial(self, number: int, dice: random.Random) -> tuple[dict[str, Any], list[str]]:
        stand, name, way = self.stand, list(TINY)[number % len(TINY)], dice.choice(self.WAYS)
        stand.broken = []
        job = stand.make(name, dice)
        stand.submit(job)
        stand.wait_for_moment(job, dice)
        process, stage, seconds = stand.queue.process, job.progress.stage, dice.uniform(0.5, 4.0)
        assert process and process.pid
        os.killpg(process.pid, signal.SIGSTOP)
        try:
            self.pass_time(way, job, seconds)
        finally:
            if stand.queue.process is process:
                os.killpg(process.pid, signal.SIGCONT)
        stand.finish(job)
        queue.time = time
        wanted = {State.CANCELLED, State.DONE} if way == "cancel" else {State.DONE}
        if job.state not in wanted or (way != "cancel" and stand.queue.process is not process):
            stand.say(f"a good job is {job.state.value}: {job.outcome.message}")
        stand.click_again(stand.make(name, dice).request)
        stand.check(() if stand.queue.process is process else (process.pid,))
        return {"engine": name, "way": way, "stage": stage, "seconds": round(seconds, 1)} | ended(job), stand.broken

    def pass_time(self, way: str, job: Any, seconds: float) -> None:
        if way == "cancel":
            self.stand.queue.cancel(job)
        if way in ("backend", "cancel"):
            self.stand.poll(lambda: False, seconds)
            return
        time.sleep(seconds)
        if way == "night":
            queue.time = SimpleNamespace(monotonic=lambda: time.monotonic() + NIGHT_S)  # pyright: ignore[reportAttributeAccessIssue]

    def close(self) -> None:
        self.stand.close()

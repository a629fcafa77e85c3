# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
"""The backend is killed at a random moment: its process, its whole group, or while it starts."""

from __future__ import annotations

import contextlib
import os
import random
import signal
from pathlib import Path
from typing import Any

from image_to_mesh_checkout.addon.jobs.job import State

from .stand import Stand
from .tiny_jobs import TINY

WAYS = ("process", "process", "group", "starting")


class Kill:
    """All engines in turn. Half of the optimisations that left a checkpoint are resumed by the next click."""

    def __init__(self, scratch: Path) -> None:
        self.stand = Stand(scratch)
        self.stand.kills = True

    def trial(self, number: int, dice: random.Random) -> tuple[dict[str, Any], list[str]]:
        stand, name, way = self.stand, list(TINY)[number % len(TINY)], dice.choice(WAYS)
        stand.broken = []
        if way == "starting":
            stand.queue.stop()
        job = stand.make(name, dice)
        request = stand.submit(job)
        moment = stand.wait_for_moment(job, dice, way == "starting")
        pid, stage = stand.queue.process and stand.queue.process.pid, job.progress.stage
        if pid:
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if way == "group" else os.kill)(pid, signal.SIGKILL)
        stand.finish(job)
        folder = stand.jobs / job.id
        can_resume = job.state is State.FAILED and (folder / "state.pt").is_file() and dice.random() < 0.5
        stand.click_again(stand.again(request, dice), job.id if can_resume else "")
        stand.check((pid,))
        what = {"engine": name, "way": way, "seconds": moment, "stage": stage, "resumed": can_resume}
        return what | {"state": job.state.value}, stand.broken

    def close(self) -> None:
        self.stand.close()

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
"""Clocks that jump, in the backend and in Blender: the time of day by days to and fro, the other by hours ahead."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from image_to_mesh_checkout.addon.jobs import queue
from image_to_mesh_checkout.addon.jobs.job import State

from .disk import ended
from .stand import Stand
from .tiny_jobs import TINY

DAYS = (-4000, -400, -1, 1, 400, 4000)


class Clocks:
    """A backend whose clocks jump at every look, and a Blender whose clock jumps by hours; before each start the copies
    of the backend get times of the past or the future."""

    def __init__(self, scratch: Path) -> None:
        self.stand = Stand(scratch, ("clocks", "0", "serve"))

    def trial(self, number: int, dice: random.Random) -> tuple[dict[str, Any], list[str]]:
        stand, name = self.stand, list(TINY)[number % len(TINY)]
        stand.broken, stand.runner = [], ("clocks", str(dice.random()), "serve")
        stand.queue.stop()
        days = [dice.choice(DAYS) for _ in range(3)]
        for copy, day in enumerate(days):
            folder = stand.data / "backend" / f"copy{copy}"
            folder.mkdir(parents=True, exist_ok=True)
            then = time.time() + day * 86_400
            os.utime(folder, (then, then))
        job, ahead = stand.make(name, dice), 0.0

        def monotonic() -> float:
            nonlocal ahead
            ahead += 3600.0 * (dice.random() < 0.01)
            return time.monotonic() + ahead

        queue.time = SimpleNamespace(monotonic=monotonic)  # pyright: ignore[reportAttributeAccessIssue]
        stand.submit(job)
        stand.finish(job)
        queue.time = time
        if job.state is not State.DONE:
            stand.say(f"a good job is {job.state.value}: {job.outcome.message}")
        stand.click_again(stand.make(name, dice).request)
        stand.check()
        return {"engine": name, "way": "jumps", "days": days} | ended(job), stand.broken

    def close(self) -> None:
        self.stand.close()

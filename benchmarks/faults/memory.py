# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
"""Memory that ends during a job, at ten levels: the system's limit on the backend's address space or data."""

from __future__ import annotations

import random
import resource
from pathlib import Path
from typing import Any

from image_to_mesh_checkout.addon.jobs.job import State

from .disk import ended
from .stand import Stand
from .tiny_jobs import TINY

LEVELS = tuple(int(8 * 2.0**level) << 20 for level in range(10))  # bytes above what the process has: 8 MB to 4 GB
LIMITS = {"address space": (resource.RLIMIT_AS, "VmSize"), "data": (resource.RLIMIT_DATA, "VmData")}


class Memory:
    """Each level with a process that has just greeted, and with one that has done a job."""

    def __init__(self, scratch: Path) -> None:
        self.stand = Stand(scratch)
        self.stand.kills = True

    def trial(self, number: int, dice: random.Random) -> tuple[dict[str, Any], list[str]]:
        stand, name = self.stand, dice.choice(list(TINY))
        stand.broken = []
        level, way, is_warm = LEVELS[number % len(LEVELS)], dice.choice(list(LIMITS)), dice.random() < 0.5
        stand.queue.stop()
        stand.queue.warm_up()
        stand.poll(lambda: bool(stand.queue.hello))
        if is_warm:
            stand.click_again(stand.make(name, dice).request)
        process = stand.queue.process
        assert process and process.pid
        pid, (limit, line) = process.pid, LIMITS[way]
        most = status(pid)[line] + level
        resource.prlimit(pid, limit, (most, resource.RLIM_INFINITY))
        job = stand.make(name, dice)
        stand.submit(job)
        stand.finish(job)
        if job.state is State.FAILED and job.outcome.kind not in ("memory", "process"):
            stand.say(f"too little memory was called {job.outcome.kind}: {job.outcome.message}")
        is_same = stand.queue.process is process
        if is_same:
            resource.prlimit(pid, limit, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        stand.click_again(stand.make(name, dice).request)
        stand.check(() if is_same else (pid,))
        what = {"engine": name, "way": way, "megabytes": level >> 20, "warm": is_warm, "lives": is_same}
        return what | ended(job), stand.broken

    def close(self) -> None:
        self.stand.close()


def status(pid: int) -> dict[str, int]:
    """Bytes, and plain numbers, that the system tells about a process."""
    lines = [line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return {row[0][:-1]: int(row[1]) << 10 * (len(row) == 3) for row in lines if len(row) > 1 and row[1].isdigit()}

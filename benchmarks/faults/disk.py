# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
"""The disk is full, or fails, at a random write of a job: injected into the backend's own writes, and for real."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from pathlib import Path
from typing import Any

from image_to_mesh_checkout.addon.jobs.job import Job, State

from .stand import Stand
from .tiny_jobs import TINY

NEVER = 1 << 40
ERRORS = ("ENOSPC", "ENOSPC", "EIO", "EDQUOT")
DISK_MB = 192  # of the small disk: a copy of the backend, and some room
WRITTEN = 200_000  # bytes, about what the smallest jobs write


class Disk:
    """Every third trial fills a real small disk, which needs root, to a random number of bytes before a job; the others
    let a random write fail, once or from then on."""

    def __init__(self, scratch: Path) -> None:
        data = scratch / "injected" / "data"
        self.control = scratch / "control.json"
        self.arm(NEVER, "ENOSPC", True)
        runner = ("disk", str(data), str(self.control), "serve")
        self.injected = Stand(scratch / "injected", runner)
        self.writes: dict[str, int] = {}  # of a whole job, by its name
        self.disk = scratch / "small"
        self.small: Stand | None = None
        self.scratch = scratch

    def arm(self, at: int, error: str, once: bool) -> None:
        part = self.control.with_suffix(".new")
        part.write_text(json.dumps({"at": at, "error": error, "once": once}))
        os.replace(part, self.control)

    def count(self) -> int:
        return int(Path(f"{self.control}.count").read_text())

    def trial(self, number: int, dice: random.Random) -> tuple[dict[str, Any], list[str]]:
        name = list(TINY)[number % len(TINY)]
        if number % 3 == 2 and os.geteuid() == 0:
            return self.fill(name, dice)
        stand = self.injected
        stand.broken = []
        if name not in self.writes:
            self.run(stand, stand.make(name, dice), "a good job")
            self.arm(NEVER, "ENOSPC", True)
            self.run(stand, stand.make(name, dice), "a good job")
            self.writes[name] = self.count()
        at, error, once = dice.randint(1, self.writes[name]), dice.choice(ERRORS), dice.random() < 0.5
        job = stand.make(name, dice)
        request = job.request
        self.arm(at, error, once)
        self.run(stand, job)
        hit = self.count() >= at
        self.arm(NEVER, "ENOSPC", True)
        stand.click_again(stand.again(request, dice))
        stand.check()
        what = {"engine": name, "way": error, "once": once, "at": at, "of": self.writes[name], "hit": hit}
        return what | ended(job), stand.broken

    def run(self, stand: Stand, job: Job, expected: str = "") -> None:
        stand.submit(job)
        stand.finish(job)
        if expected and job.state is not State.DONE:
            stand.say(f"{expected}: {job.state.value}, {job.outcome.message}")
        if job.state is State.FAILED and job.outcome.kind != "disk":
            stand.say(f"a full disk was called {job.outcome.kind}: {job.outcome.message}")

    def fill(self, name: str, dice: random.Random) -> tuple[dict[str, Any], list[str]]:
        if self.small is None:
            self.disk.mkdir()
            mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(self.disk)]
            subprocess.run(mount, check=True)
            self.small = Stand(self.scratch / "for_small", data=self.disk / "data")
            self.run(self.small, self.small.make("lrm", dice), "a good job")
        stand, ballast = self.small, self.disk / "ballast"
        stand.broken = []
        if dice.random() < 0.5:
            stand.queue.stop()
        free, job = dice.randrange(WRITTEN), stand.make(name, dice)
        room = os.statvfs(self.disk)
        with ballast.open("wb") as file:
            file.write(bytes(max(0, room.f_bavail * room.f_frsize - free)))
        request = job.request
        self.run(stand, job)
        ballast.unlink()
        stand.click_again(stand.again(request, dice))
        stand.check()
        return {"engine": name, "way": "small disk", "free": free} | ended(job), stand.broken

    def close(self) -> None:
        self.injected.close()
        if self.small:
            self.small.close()
            time.sleep(0.1)
            subprocess.run(["umount", "-l", str(self.disk)], check=True)


def ended(job: Job) -> dict[str, Any]:
    return {"state": job.state.value, "message": job.outcome.message}

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
"""The data folder is taken away during a job, becomes read-only, or is shared by two Blenders."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

from image_to_mesh_checkout.addon.jobs.job import Job, Request, State

from .disk import ended
from .stand import Stand
from .tiny_jobs import TINY, job_of

WAYS = ("renamed", "deleted", "jobs deleted", "a file", "read-only", "shared")


def remove(folder: Path) -> None:
    """Delete a folder while somebody may write into it."""
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)


class Folders:
    """All engines in turn, at a random moment of a job. A folder that was renamed or read-only comes back after the
    next click, and nothing in it may be lost."""

    def __init__(self, scratch: Path) -> None:
        self.stand = Stand(scratch)
        self.other = Stand(scratch / "other", data=self.stand.data)

    def trial(self, number: int, dice: random.Random) -> tuple[dict[str, Any], list[str]]:
        stand, name = self.stand, list(TINY)[number % len(TINY)]
        way = dice.choice(WAYS if os.geteuid() == 0 else [way for way in WAYS if way != "read-only"])
        stand.broken = []
        if way == "shared":
            return self.share(name, dice)
        job = stand.make(name, dice)
        request = stand.submit(job)
        stand.wait_for_moment(job, dice)
        stage = job.progress.stage
        self.take(way)
        try:
            self.click_without(way, job, stand.again(request, dice))
        finally:
            self.bring_back(way, stand.data)
        stand.click_again(stand.make(name, dice).request)
        stand.check()
        return {"engine": name, "way": way, "stage": stage} | ended(job), stand.broken

    def click_without(self, way: str, job: Job, request: Request) -> None:
        """Wait for the job's end, and click while the folder is away, which makes a new one where it can."""
        stand = self.stand
        stand.finish(job)
        if job.state is State.FAILED and job.outcome.kind not in ("disk", "process", "weights", "environment"):
            stand.say(f"a lost folder was called {job.outcome.kind}: {job.outcome.message}")
        second = job_of(request)
        stand.submit(second)
        stand.finish(second)
        if way in ("renamed", "deleted", "jobs deleted") and second.state is not State.DONE:
            stand.say(f"the next click without the folder: {second.outcome.message}")

    def take(self, way: str) -> None:
        stand, away = self.stand, self.stand.scratch / "away"
        if way == "renamed":
            stand.data.rename(away)
        elif way == "deleted":
            self.forget(stand.data)
            remove(stand.data)
        elif way in ("jobs deleted", "a file"):
            self.forget(stand.jobs)
            remove(stand.jobs)
        if way == "a file":
            stand.jobs.write_bytes(b"in the way")
        if way == "read-only":
            subprocess.run(["mount", "--bind", stand.data, stand.data], check=True)
            subprocess.run(["mount", "-o", "remount,ro,bind", stand.data], check=True)

    def bring_back(self, way: str, data: Path) -> None:
        if way == "a file":
            self.stand.jobs.unlink()
        if way == "read-only":
            subprocess.run(["umount", "-l", data], check=True)
        if way == "renamed":
            self.stand.queue.stop()
            shutil.rmtree(data, ignore_errors=True)
            (self.stand.scratch / "away").rename(data)

    def forget(self, folder: Path) -> None:
        """Expect no more what was deleted on purpose."""
        for stand in (self.stand, self.other):
            stand.kept = {path: digest for path, digest in stand.kept.items() if folder not in path.parents}

    def share(self, name: str, dice: random.Random) -> tuple[dict[str, Any], list[str]]:
        """Two Blenders, one data folder, and jobs of one name at the same time."""
        both = (self.stand, self.other)
        jobs = [stand.make(name, dice) for stand in both]
        jobs[1].id = jobs[0].id
        for stand, job in zip(both, jobs, strict=True):
            stand.broken = []
            stand.submit(job)
        self.stand.poll(lambda: self.other.queue.poll() or not (self.stand.queue.busy or self.other.queue.busy))
        for stand, job in zip(both, jobs, strict=True):
            stand.finish(job)
            stand.click_again(stand.make(name, dice).request)
            stand.check()
        if State.DONE not in [job.state for job in jobs]:
            self.stand.say(f"neither was done: {[job.outcome.message for job in jobs]}")
        what = {"engine": name, "way": "shared", "states": [job.state.value for job in jobs]}
        return what, self.stand.broken + self.other.broken

    def close(self) -> None:
        self.stand.close()
        self.other.close()

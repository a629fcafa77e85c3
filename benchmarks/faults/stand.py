# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
"""Blender's side of the campaign: the add-on's own queue, a data folder, and what has to hold after every fault."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import random
import shutil
import signal
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from image_to_mesh_checkout.addon.base import arrays
from image_to_mesh_checkout.addon.base.trouble import Trouble
from image_to_mesh_checkout.addon.jobs.job import Job, Request, State
from image_to_mesh_checkout.addon.jobs.process import Launch
from image_to_mesh_checkout.addon.jobs.queue import JobQueue
from PIL import Image

from backend.interface import protocol
from backend.interface.files import PART, read_json
from backend.interface.installer.environment import copy_backend
from tests.support import ROOT

from .tiny_jobs import job_of, make_job

PATIENCE_S = 240.0  # the queue itself gives up after 180 s of silence
RUNNER = Path(__file__).with_name("runner.py")
OF_TORCH = "torchinductor_"  # an empty folder that torch makes when it is imported, one for each user
GONE_S = 5.0  # within which a killed process has to be gone


class Stand:
    """One Blender with its data folder in a scratch folder. `broken` collects what did not hold in a trial.

    runner: start the backend through runner.py, with these arguments.
    """

    def __init__(self, scratch: Path, runner: tuple[str, ...] | None = None, data: Path | None = None) -> None:
        self.scratch, self.data, self.runner = scratch, data or scratch / "data", runner
        self.jobs, self.temporary = self.data / "jobs", scratch / "tmp"
        self.log, self.weights = self.data / "logs" / "backend.log", self.data / "weights"
        self.temporary.mkdir(parents=True, exist_ok=True)
        self.mine = scratch / "mine.blend"
        self.mine.write_bytes(os.urandom(1000))
        self.shap_e = scratch / "shap_e"
        self.queue = JobQueue(lambda: self.prepare, self.deliver)
        self.delivered: list[str] = []
        self.broken: list[str] = []
        self.kills = False  # whether processes of this Blender are killed in the middle of a write
        self.seconds: dict[str, float] = {}  # from a job's sending to its end, by its name
        self.start_s = 2.0  # from the click to that, where the backend has to start
        self.kept: dict[Path, str] = {}  # digests of the files that may not change
        self.protect(self.mine)

    def prepare(self) -> Launch:
        """As addon/session.py and addon/setup/environment.py do it, but with the Python that runs."""
        try:
            root = copy_backend(ROOT, self.data)
        except OSError as error:
            raise Trouble(f"The data folder cannot be written: {error}", "Choose another", "disk") from error
        command = protocol.command(sys.executable, root, "serve", "--jobs", str(self.jobs))
        if self.runner is not None:
            command = [sys.executable, "-I", "-u", "-X", "utf8", str(RUNNER), str(root), *self.runner, str(self.jobs)]
        variables = {"IMAGE_TO_MESH_WEIGHTS": str(self.weights), "TMPDIR": str(self.temporary), "OMP_NUM_THREADS": "1"}
        return Launch(command, protocol.environment(os.environ) | variables, self.data, self.log)

    def deliver(self, job: Job) -> str:
        self.delivered.append(job.id)
        return ""

    def make(self, name: str, dice: random.Random, **changes) -> Job:
        return make_job(name, dice, self.shap_e, **changes)

    def submit(self, job: Job) -> Request:
        """Click; returns the request, which the queue forgets at the job's end."""
        self.queue.submit(job)
        return job.request

    def poll(self, until: Callable[[], bool], seconds: float = PATIENCE_S) -> bool:
        """Let the queue work until something is so; whether it became so in time."""
        end = time.perf_counter() + seconds
        while not until():
            if time.perf_counter() > end:
                return False
            self.queue.poll()
            if (job := self.queue.active) and not is_sane(job.progress.eta_s):
                self.say(f"the time left was {job.progress.eta_s}")
            time.sleep(0.005)
        return True

    def wait_for_moment(self, job: Job, dice: random.Random, starting: bool = False) -> float:
        """Let a job that was submitted run to a random moment: of the backend's start, or of the time that the job took
        before, and a little more. Returns the seconds since the start, or since it was sent."""
        if not starting:
            self.poll(lambda: job.sent or not self.queue.busy)
        moment = dice.uniform(0, self.start_s if starting else 1.1 * self.seconds.get(job.name, 3.0))
        self.poll(lambda: not self.queue.busy, moment)
        return round(moment, 2)

    def finish(self, job: Job) -> None:
        """Wait for a job's end, which has to say what happened."""
        if not self.poll(lambda: not self.queue.busy):
            self.say(f"{job.name} hangs in {job.progress.stage!r}")
            self.queue.stop()
        elif job.state is State.FAILED and not (job.outcome.message and job.outcome.remedy):
            self.say(f"failed without words: {job.outcome.message!r} {job.outcome.remedy!r}")
        elif "nexpected error" in job.outcome.message:
            self.say(f"not understood: {job.outcome.message}")

    def again(self, request: Request, dice: random.Random) -> Request:
        """The request for the next click; a subject needs another name, because it may have been learnt."""
        return self.make(request.name, dice).request if "subject" in request.parameters else request

    def click_again(self, request: Request, resume: str = "") -> None:
        """Another job of a request has to work, in a new process if the last one is gone."""
        began, job = time.perf_counter(), job_of(replace(request, resume=resume))
        is_start = not self.queue.process
        self.submit(job)
        self.poll(lambda: job.sent or not self.queue.busy)
        sent = time.perf_counter()
        self.finish(job)
        self.seconds[job.name] = time.perf_counter() - sent
        self.start_s = sent - began if is_start else self.start_s
        if job.state is not State.DONE:
            self.say(f"the next click: {job.state.value}, {job.outcome.message}")
        elif job.outcome.folder:
            self.protect(Path(job.outcome.folder))

    def say(self, words: str) -> None:
        if words not in self.broken:
            self.broken.append(words)

    def protect(self, path: Path) -> None:
        """From now on the files of a folder, or a file, may not change."""
        for file in [path] if path.is_file() else path.rglob("*"):
            if file.is_file():
                self.kept[file] = digest(file)

    def check(self, pids: tuple[int | None, ...] = ()) -> None:
        """Say what does not hold: no process may be left of `pids`, nothing may be lost, half or left over, but the
        temporary file of a write that a kill interrupted."""
        for pid in filter(None, pids):
            if not self.poll(lambda pid=pid: not members(pid), GONE_S):
                self.say(f"orphans: {members(pid)}")
                for orphan in members(pid):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(orphan, signal.SIGKILL)
        for path, known in self.kept.items():
            if not path.is_file() or digest(path) != known:
                self.say(f"lost or changed: {path.name}")
        for path in self.data.rglob("*") if self.data.is_dir() else ():
            self.check_file(path)
        for path in self.temporary.iterdir():
            if path.name.startswith(OF_TORCH):
                continue
            self.say(f"left in the temporary folder: {path.name}")
            shutil.rmtree(path, ignore_errors=True)

    def check_file(self, path: Path) -> None:
        if path.name.endswith(PART) and path.exists():
            if not (self.kills and path.name.startswith(".")):
                self.say(f"left over: {path.relative_to(self.data)}")
            return
        if path.parent.parent != self.jobs and path.parent != self.jobs:
            return
        try:
            if path.name == "result.npz":
                arrays.decode_mesh(path.read_bytes())
            elif path.suffix == ".png":
                Image.open(path).verify()
            elif path.suffix == ".json" and read_json(path) is None:
                self.say(f"half a file: {path.name}")
            elif path.suffix == ".pt" and zipfile.ZipFile(path).testzip():
                self.say(f"half a checkpoint: {path.name}")
        except (OSError, ValueError, SyntaxError, zipfile.BadZipFile) as error:
            self.say(f"half a file: {path.name}: {error}")

    def close(self) -> None:
        self.queue.stop()


def is_sane(eta_s: float | None) -> bool:
    """Whether a time left can be shown."""
    return eta_s is None or (math.isfinite(eta_s) and 0 <= eta_s < 1e7)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def members(session: int) -> list[int]:
    """Processes of a session, the backend's being named after its first process, that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, its = stat.read_text().rpartition(")")[2].split()[:4]
            if int(its) == session and state not in "ZX":
                found.append(int(stat.parent.name))
    return found

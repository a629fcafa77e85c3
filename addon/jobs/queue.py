# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue of jobs. It belongs to this module, not to an operator: opening a file ends operators, not jobs.

Nothing here needs bpy or a timer: whoever wants progress calls `JobQueue.poll`, which never waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ...backend.interface import protocol, tasks
from ..base.trouble import Trouble
from .job import Job, State
from .process import Launch, Process

CANCEL_S = 0.8  # a backend that has not stopped by then is killed, so that Cancel acts within a second
SILENCE_S = 180.0  # a backend that says nothing for so long, not even a heartbeat, is stuck
FINISHED_KEPT = 8  # jobs remembered after their end
FAILURES_KEPT = 100  # lines
AGAIN = "Click again: a new backend is started. If it happens again, open the log"


class JobQueue:
    """Runs jobs one after the other in one backend process, which stays for the next one.

    launch() returns what makes the backend ready and says how to start it; that is called in a thread, and may take
    its time. Both raise Trouble. deliver(job) puts the result into the scene and returns
    an empty string, or why it has to wait, or raises Trouble.
    """

    def __init__(self, launch: Callable[[], Callable[[], Launch]], deliver: Callable[[Job], str]):
        self.launch, self.deliver = launch, deliver
        self.waiting: list[Job] = []
        self.active: Job | None = None
        self.arrived: list[Job] = []  # finished, waiting for the scene
        self.ended: list[Job] = []
        self.failures: list[str] = []  # names and reasons, until the artist has seen them
        self.process: Process | None = None
        self.hello: dict = {}  # empty until the process has greeted
        self._silence_s = 0.0
        self._polled = time.monotonic()
        self._kill_at = 0.0

    @property
    def busy(self) -> bool:
        return bool(self.active or self.waiting or self.arrived)

    @property
    def last(self) -> Job | None:
        return self.ended[-1] if self.ended else None

    def jobs(self) -> list[Job]:
        return [*self.arrived, *([self.active] if self.active else []), *self.waiting]

    def submit(self, job: Job) -> None:
        self.waiting.append(job)

    def cancel(self, job: Job) -> None:
        """Stop a job: at once when it waits, within CANCEL_S when it runs."""
        if job in self.waiting or job in self.arrived or (job is self.active and not job.sent):
            self._end(job, State.CANCELLED)
        elif job is self.active and job.state is State.RUNNING and self.process:
            job.state, job.stage = State.CANCELLING, "cancelling"
            self.process.send({"type": "cancel", "job": job.id})
            self._kill_at = time.monotonic() + CANCEL_S

    def unload(self) -> None:
        """Ask an idle backend to drop its models."""
        if self.process:
            self.process.send({"type": "unload"})

    def stop(self, timeout: float = 5.0) -> None:
        """Kill the backend and forget all jobs; what has finished on disk can still be imported."""
        process, self.process = self.process, None
        self.waiting.clear()
        self.arrived.clear()
        self.active, self.hello = None, {}
        if process:
            process.close(timeout)

    def poll(self) -> None:
        """Do all that can be done now. Called by a timer ten times a second, or by anybody."""
        self._read()
        self._watch()
        self._start()
        for job in list(self.arrived):
            self._try_to_deliver(job)

    def _read(self) -> None:
        process = self.process
        while process and process is self.process and not process.inbox.empty():
            message = process.inbox.get()
            self._silence_s = 0.0
            handle = getattr(self, "_on_" + str(message.get("type")), None)
            if not handle:  # a newer backend may say more than we know
                continue
            try:
                handle(message)
            except (KeyError, TypeError, ValueError) as error:
                self._drop_process()
                self._on_ended({"reason": f"The backend sent something that cannot be understood: {error!r}"})

    def _watch(self) -> None:
        """Lose patience with a backend that does not cancel, or says nothing at all."""
        now = time.monotonic()
        self._silence_s += min(now - self._polled, 1.0)  # a computer that slept for hours is no silence
        self._polled = now
        job = self.active
        if job and job.state is State.CANCELLING and now > self._kill_at:
            self._drop_process()
            self._end(job, State.CANCELLED)
        elif job and self.process and self._silence_s > SILENCE_S:
            self._drop_process()
            self._fail(job, "The backend has not answered for three minutes", AGAIN, "process")

    def _start(self) -> None:
        if not self.active and self.waiting:
            self.active = self.waiting.pop(0)
            self.active.state, self.active.stage = State.RUNNING, "starting the backend"
        job = self.active
        if not job or job.sent:
            return
        try:
            if job.preparation:
                self._prepare(job, job.preparation)
            elif not self.process:
                self.process, self.hello, self._silence_s = Process(self.launch()), {}, 0.0
            elif self.hello:
                check_engine(self.hello, job.engine)
                self.process.send(job.request(), job.attachments)
                job.sent = True
        except Trouble as trouble:
            self._fail(job, trouble.message, trouble.remedy, trouble.kind)

    def _prepare(self, job: Job, preparation: Iterator[tuple[int, int]]) -> None:
        """One step of what Blender does itself."""
        try:
            job.step, job.total = next(preparation)
            job.stage, job.overall = "rendering views", job.step / max(job.total, 1)
        except StopIteration:
            job.preparation, job.overall = None, 0.0
            if not job.engine:
                job.state, self.active = State.FINISHED, None
                self.arrived.append(job)

    def _try_to_deliver(self, job: Job) -> None:
        try:
            job.note = self.deliver(job)
        except Trouble as trouble:
            self._fail(job, trouble.message, trouble.remedy, trouble.kind)
            return
        if not job.note:
            self._end(job, State.DONE)

    def _on_hello(self, message: dict) -> None:
        theirs = message.get("protocol")
        if theirs == protocol.PROTOCOL:
            self.hello = message
            return
        self._drop_process()
        if self.active:
            self._fail(
                self.active,
                f"The backend speaks protocol {theirs}, this extension {protocol.PROTOCOL}",
                "Update the backend in the preferences",
                "environment",
            )

    def _on_devices(self, message: dict) -> None:
        """Comes once torch is imported, and knows more than the greeting."""
        self.hello["devices"] = message["devices"]

    def _on_progress(self, message: dict) -> None:
        job = self._job_of(message)
        if job and job.state is State.RUNNING:
            job.stage, job.step, job.total = str(message["stage"]), message["step"], message["total"]
            job.overall, job.eta_s = message.get("overall") or 0.0, message.get("eta_s")

    def _on_preview(self, message: dict) -> None:
        job = self._job_of(message)
        if job and "sheet" in message:
            job.sheet = message["sheet"]
        if job and "mesh" in message:
            job.preview = message["mesh"]

    def _on_result(self, message: dict) -> None:
        job = self._job_of(message)
        if not job:
            return
        if job.state is State.CANCELLING:  # it was done before it heard us
            self._end(job, State.CANCELLED)
            return
        job.mesh, job.images = message.get("mesh"), message.get("images", [])
        job.report = message.get("report") or {}
        job.folder, job.sheet = str(message.get("folder") or ""), message.get("sheet", job.sheet)
        job.state, job.overall, job.stage = State.FINISHED, 1.0, "adding the mesh"
        self.active = None
        self.arrived.append(job)

    _on_picture = _on_result

    def _on_failure(self, message: dict) -> None:
        job = self._job_of(message)
        if not job:
            return
        if message.get("kind") == "cancelled":
            self._end(job, State.CANCELLED)
        else:
            job.lower = lowered(job.engine, message.get("lower"))
            self._fail(job, str(message.get("message")), str(message.get("remedy") or ""), str(message.get("kind")))

    def _on_ended(self, message: dict) -> None:
        self.process, self.hello = None, {}
        job = self.active
        if job and job.state is State.CANCELLING:
            self._end(job, State.CANCELLED)
        elif job:
            self._fail(job, message["reason"], message.get("remedy", AGAIN), message.get("kind", "process"))

    def _job_of(self, message: dict) -> Job | None:
        return self.active if self.active and self.active.id == message.get("job") else None

    def _drop_process(self) -> None:
        if self.process:
            self.process.kill()
        self.process, self.hello = None, {}

    def _fail(self, job: Job, message: str, remedy: str = "", kind: str = "internal") -> None:
        job.message, job.remedy, job.kind = message, remedy, kind
        self.failures = [*self.failures, f"{job.name}: {message}"][-FAILURES_KEPT:]
        self._end(job, State.FAILED)

    def _end(self, job: Job, state: State) -> None:
        job.state, job.mesh, job.preview, job.attachments, job.origin = state, None, None, dict, {}
        for jobs in (self.waiting, self.arrived):
            if job in jobs:
                jobs.remove(job)
        if self.active is job:
            self.active = None
        self.ended = [*self.ended, job][-FINISHED_KEPT:]


def check_engine(hello: dict, name: str) -> None:
    """Trouble when the backend says that it cannot run the engine."""
    for engine in hello.get("engines", ()):
        if engine.get("name") == name and not engine.get("can_run", True):
            missing = engine.get("missing") or "something it needs"
            missing = ", ".join(map(str, missing)) if isinstance(missing, (list, tuple)) else missing
            raise Trouble(f"The engine cannot run: {missing} is missing", str(engine.get("remedy") or ""), "weights")


def lowered(engine: str, told: object) -> dict:
    """What the backend proposes to lower, as far as the engine has such parameters."""
    try:
        declared = tasks.asked(engine)
        return {name: declared.parameter(name).check(value) for name, value in dict(told or {}).items()}  # pyright: ignore
    except (TypeError, ValueError):  # ParameterError is one
        return {}


def mark_imported(folder: str) -> None:
    """Leave a sign that a job's result is in a scene, so that it is not offered again."""
    if folder:
        try:
            (Path(folder) / "imported").touch()
        except OSError:
            pass  # it is offered once more, that is all

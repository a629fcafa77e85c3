# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue of jobs. It belongs to the session, not to an operator: opening a file ends operators, not jobs.

Nothing here needs bpy or a timer: whoever wants progress calls `JobQueue.poll`, which never waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from ...backend.interface import protocol, tasks
from ...backend.interface.task import Task
from ..base.trouble import Trouble
from .job import WORKING, Job, Outcome, State
from .process import Attachments, Launch, Process

CANCEL_S = 0.8  # a backend that has not stopped by then is killed, so that Cancel acts within a second
SILENCE_S = 180.0  # a backend that says nothing for so long, not even a heartbeat, is stuck
FINISHED_KEPT = 8  # jobs remembered after their end
FAILURES_KEPT = 100  # lines
AGAIN = "Try again. If it happens again, see the log"


class JobQueue:
    """Runs jobs one after the other in one backend process, which stays for the next one.

    launch() returns a function that makes the backend ready and says how to start it; that one is called in a thread,
    and may take its time. Both raise Trouble. deliver(job) puts the result into the scene and returns an empty string,
    or why it has to wait, or raises Trouble. answer(message) gets the answers to questions.
    """

    def __init__(
        self,
        launch: Callable[[], Callable[[], Launch]],
        deliver: Callable[[Job], str],
        answer: Callable[[dict], None] = lambda message: None,
    ):
        self.launch, self.deliver, self.answer = launch, deliver, answer
        self._question: tuple[dict, Attachments] | None = None  # not sent yet
        self._unanswered: dict | None = None
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

    def devices(self) -> list[dict]:
        """The backend's devices, as far as it has greeted."""
        return self.hello.get("devices") or []

    def has_models(self, task: Task, parameters: Mapping) -> bool:
        """Whether the last job in this process had the same networks, so that these are loaded."""
        job = self.active or self.last
        if self.process is None or job is None or job.request.engine != task.name:
            return False
        return all(job.request.parameters.get(name) == parameters.get(name) for name in ("weights", "device"))

    def submit(self, job: Job) -> None:
        """Queue a job; one that is finished already waits for its delivery only."""
        (self.arrived if job.state is State.FINISHED else self.waiting).append(job)

    def cancel(self, job: Job) -> None:
        """Stop a job: at once when it waits, within CANCEL_S when it runs."""
        if job in self.waiting or job in self.arrived or (job is self.active and not job.sent):
            self._end(job, State.CANCELLED)
        elif job is self.active and job.state in WORKING and self.process:
            job.state, job.progress.stage = State.CANCELLING, "Cancelling"
            self.process.send({"type": "cancel", "job": job.id})
            self._kill_at = time.monotonic() + CANCEL_S

    def stop_and_keep(self, job: Job) -> None:
        """Let a running optimisation end here; its mesh as it is by then becomes the result."""
        if job is self.active and job.sent and job.state is State.RUNNING and self.process:
            job.state = State.STOPPING
            self.process.send({"type": "enough", "job": job.id})

    def ask(self, message: dict, attachments: Attachments) -> None:
        """Send a question that needs no turn in the queue, and start the backend for it. Only the newest question is
        sure to be answered."""
        self._question, self._unanswered = (message, attachments), message

    def warm_up(self) -> None:
        """Start the backend before it is needed, so that the first answer comes at once."""
        if not self.process:
            with suppress(Trouble):  # the first job will say what is wrong
                self._start_process()

    def unload(self) -> None:
        """Let an idle backend drop its models; the process stays."""
        if self.process:
            self.process.send({"type": "unload"})

    def stop(self, timeout: float = 5.0) -> None:
        """Kill the backend and forget all jobs; what has finished on disk can still be imported."""
        process, self.process = self.process, None
        self.waiting.clear()
        self.arrived.clear()
        self.active, self.hello = None, {}
        self._question = self._unanswered = None
        if process:
            process.close(timeout)

    def poll(self) -> None:
        """Do all that can be done now. Called by a timer ten times a second, or by anybody."""
        self._read()
        self._watch()
        self._start()
        self._send_question()
        for job in list(self.arrived):
            self._try_to_deliver(job)

    def _read(self) -> None:
        process = self.process
        while process and process is self.process and not process.inbox.empty():
            message = process.inbox.get()
            self._silence_s = 0.0
            try:
                self._handle(message)
            except (KeyError, TypeError, ValueError) as error:
                self._drop_process()
                self._on_ended({"reason": f"The backend sent an invalid message: {error!r}"})

    def _handle(self, message: dict) -> None:
        if job := self._job_of(message):
            job.is_taken = True
        match message.get("type"):
            case "hello":
                self._on_hello(message)
            case "devices":  # comes once torch is imported, and knows more than the greeting
                self.hello["devices"] = message["devices"]
            case "progress":
                self._on_progress(message)
            case "preview":
                self._on_preview(message)
            case "result" | "picture":
                self._on_result(message)
            case "look":
                if self._unanswered and message.get("look") == self._unanswered.get("look"):
                    self._answer(message)
            case "failure":
                self._on_failure(message)
            case "ended":
                self._on_ended(message)
            case _:  # a newer backend may say more than this version knows
                pass

    def _watch(self) -> None:
        """Kill a backend that does not cancel, or has been silent for too long."""
        now = time.monotonic()
        self._silence_s += min(now - self._polled, 1.0)  # a computer that slept for hours is no silence
        self._polled = now
        job = self.active
        if job and job.state is State.CANCELLING and now > self._kill_at:
            self._drop_process()
            self._end(job, State.CANCELLED)
        elif job and self.process and self._silence_s > SILENCE_S:
            self._drop_process()
            self._fail(job, "The backend has not responded for three minutes", AGAIN, "process")

    def _start(self) -> None:
        if not self.active and self.waiting:
            self.active = self.waiting.pop(0)
            self.active.state = State.RUNNING
            self.active.progress.stage = "Starting" if self.process else "Starting the backend"
        job = self.active
        if not job or job.sent:
            return
        try:
            if job.request.preparation:
                self._prepare(job)
            elif not self.process:
                self._start_process()
            elif self.hello:
                check_engine(self.hello, job.request.engine)
                self.process.send(job.message(), job.request.attachments)
                job.sent = True
        except Trouble as trouble:
            self._fail(job, trouble.message, trouble.remedy, trouble.kind)

    def _start_process(self) -> None:
        """Raises Trouble."""
        self.process, self.hello, self._silence_s = Process(self.launch()), {}, 0.0

    def _send_question(self) -> None:
        if self._question is None:
            return
        try:
            if not self.process:
                self._start_process()
            elif self.hello:
                self.process.send(*self._question)
                self._question = None
        except Trouble as trouble:
            self._answer({"message": trouble.message})

    def _answer(self, message: dict) -> None:
        """Hand an answer on, or the reason why there will be none: a message without the kind of a failure."""
        asked, self._question, self._unanswered = self._unanswered, None, None
        if asked:
            self.answer({"look": asked.get("look")} | message)

    def _prepare(self, job: Job) -> None:
        """One step of Blender's own part."""
        assert job.request.preparation
        progress = job.progress
        try:
            progress.step, progress.total = next(job.request.preparation)
            progress.stage, progress.overall = "Rendering views", progress.step / max(progress.total, 1)
        except StopIteration:
            job.request = replace(job.request, preparation=None)
            progress.step, progress.overall = 0, 0.0
            if not job.request.engine:
                job.state, self.active = State.FINISHED, None
                self.arrived.append(job)

    def _try_to_deliver(self, job: Job) -> None:
        try:
            if not job.outcome.is_here():
                return
            job.progress.note = self.deliver(job)
        except Trouble as trouble:
            self._fail(job, trouble.message, trouble.remedy, trouble.kind)
            return
        if not job.progress.note:
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
                f"The backend uses protocol {theirs}, this extension protocol {protocol.PROTOCOL}",
                "Press Repair Backend in the preferences",
                "environment",
            )

    def _on_progress(self, message: dict) -> None:
        job = self._job_of(message)
        if job and job.state in WORKING:
            progress = job.progress
            progress.stage, progress.step, progress.total = str(message["stage"]), message["step"], message["total"]
            progress.overall = message.get("overall") or 0.0
            progress.tell_eta(message.get("eta_s"))

    def _on_preview(self, message: dict) -> None:
        job = self._job_of(message)
        if job and "sheet" in message:
            job.progress.sheet = message["sheet"]
        if job and "mesh" in message:
            job.progress.preview = message["mesh"]

    def _on_result(self, message: dict) -> None:
        job = self._job_of(message)
        if not job:
            return
        if job.state is State.CANCELLING:  # it was done before it heard of the cancel
            self._end(job, State.CANCELLED)
            return
        job.outcome = Outcome(
            message.get("mesh"),
            message.get("images", []),
            message.get("report") or {},
            str(message.get("folder") or ""),
        )
        progress = job.progress
        progress.sheet = message.get("sheet", progress.sheet)
        progress.overall, progress.stage = 1.0, "Adding the mesh"
        job.state, self.active = State.FINISHED, None
        self.arrived.append(job)

    def _on_failure(self, message: dict) -> None:
        job = self._job_of(message)
        if not job:
            return
        if message.get("kind") == "cancelled":
            self._end(job, State.CANCELLED)
        else:
            job.outcome.lower = checked_values(job.request.engine, message.get("lower"))
            self._fail(job, str(message.get("message")), str(message.get("remedy") or ""), str(message.get("kind")))

    def _on_ended(self, message: dict) -> None:
        self.process, self.hello = None, {}
        self._answer({"message": message["reason"]})
        job = self.active
        if job and job.state is State.CANCELLING:
            self._end(job, State.CANCELLED)
        elif job and job.sent and not job.is_taken and not job.is_sent_again:
            job.sent, job.is_sent_again = False, True  # the process had ended before the click
        elif job:
            self._fail(job, message["reason"], message.get("remedy", AGAIN), message.get("kind", "process"))

    def _job_of(self, message: dict) -> Job | None:
        return self.active if self.active and self.active.id == message.get("job") else None

    def _drop_process(self) -> None:
        if self.process:
            self.process.kill()
        self.process, self.hello = None, {}
        self._answer({"message": "The backend was stopped"})

    def _fail(self, job: Job, message: str, remedy: str = "", kind: str = "internal") -> None:
        job.outcome.message, job.outcome.remedy, job.outcome.kind = message, remedy, kind
        self.failures = [*self.failures, f"{job.name}: {message}"][-FAILURES_KEPT:]
        self._end(job, State.FAILED)

    def _end(self, job: Job, state: State) -> None:
        job.state = state
        job.release()
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


def checked_values(engine: str, proposed: object) -> dict:
    """The parameter values that the backend proposes; none if the engine has no such parameters or values."""
    try:
        task = tasks.task(engine)
        return {name: task.parameter(name).check(value) for name, value in dict(proposed or {}).items()}  # pyright: ignore
    except (TypeError, ValueError):  # ParameterError is one
        return {}

# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend process: frames on standard input and output, one request at a time, the others in a queue.

Main thread: reads. Work thread: runs and writes. More threads: looks at images, heartbeats, the search for graphics
cards.
"""

from __future__ import annotations

import faulthandler
import os
import platform
import queue
import re
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from .. import __version__, engines
from ..interface import protocol
from ..interface.expected_times import device_of, expected_times, is_measured
from ..interface.parameters import ParameterError
from ..interface.remarks import add_warnings
from ..interface.stage_times import Kind, counts_of, kind_of, read_known, remember_times
from ..interface.task import Task
from ..interface.tasks import task
from ..runtime import devices
from ..runtime.progress import Cancelled, Progress, ProgressUpdate
from . import availability, stdio
from .checkpoints import copy_checkpoints
from .codec import pack_mesh, pack_result, pack_thumbnail, pack_views
from .failure import Failure, describe, lighter
from .inputs import read_inputs
from .job_folder import FolderError, JobFolder
from .run import Load, drop_models, run

if TYPE_CHECKING:
    import numpy as np

    from ..rendering.mesh import Mesh

IDLE_S = 600.0  # after which the models are dropped
JOB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")  # also the name of its folder
MAX_SEED = 2**32 - 1


@dataclass
class QueuedRequest:
    """A request on its way. job: its name. message and attachments: as they came; parameters: checked.

    cancelled and enough are set by the reading thread: stop, or stop here and keep the result.
    """

    job: str
    task: Task[Any]
    parameters: Any
    seed: int
    message: dict[str, Any]
    attachments: dict[str, bytes]
    cancelled: threading.Event = field(default_factory=threading.Event)
    enough: threading.Event = field(default_factory=threading.Event)


class Server:
    """jobs: the folder that receives a folder for each job. load: returns an engine's module by the task's name."""

    def __init__(self, source: BinaryIO, sink: BinaryIO, jobs: Path, load: Load = engines.load) -> None:
        self._source, self._sink, self._jobs, self._load = source, sink, jobs, load
        self._writing = threading.Lock()
        self._waiting: queue.SimpleQueue[QueuedRequest | None] = queue.SimpleQueue()  # None: drop the models
        self._known: dict[str, QueuedRequest] = {}  # waiting or running, in their order; change it under this lock:
        self._knowing = threading.Lock()
        self._looks: queue.SimpleQueue[tuple[dict[str, Any], dict[str, bytes]]] = queue.SimpleQueue()
        self._running: QueuedRequest | None = None
        self._has_models = False
        self._is_spoiled = False  # its files are missing, or an import failed: libraries cannot be loaded twice
        self._models: tuple[str, str, str] | None = None  # task, weights and device of the last job
        self._devices = devices.processors()
        self._reporting: Progress | None = None  # of the running job

    def serve(self) -> int:
        """Greet, then read until the other side goes away. Returns the exit status; threads may still be at work."""
        self._send(
            {
                "type": "hello",
                "protocol": protocol.PROTOCOL,
                "version": __version__,
                "engines": availability.engine_states(),
                "devices": self._devices,
                "python": platform.python_version(),
            }
        )
        for work in (self._work, self._look, self._beat, self._list_devices):
            threading.Thread(target=live, args=(work,), name=work.__name__, daemon=True).start()
        try:
            while (frame := protocol.read_frame(self._source)) is not None:
                if frame[0]["type"] == "shutdown":
                    return 0
                self._handle(*frame)
        except protocol.FrameError as error:
            self._fail(None, Failure("internal", f"The backend was sent something else than a message: {error}"))
            return 1
        return 0

    def _handle(self, message: dict[str, Any], attachments: dict[str, bytes]) -> None:
        match message["type"]:
            case "request":
                self._accept(message, attachments)
            case "cancel":
                self._cancel(message.get("job"))
            case "enough":
                if queued := self._known.get(str(message.get("job"))):
                    queued.enough.set()
            case "look":
                self._looks.put((message, attachments))
            case "unload":
                self._waiting.put(None)
            case "heartbeat":
                pass
            case unknown:
                self._send({"type": "log", "text": f"The backend does not know the message {unknown[:80]!r}."})

    def _accept(self, message: dict[str, Any], attachments: dict[str, bytes]) -> None:
        """Queue a request, or say at once what is wrong with it."""
        name = message.get("job")
        try:
            queued = check_request(message, attachments)
            if queued.job in self._known:
                raise ParameterError(f"There is a job {name!r} already.")
        except ParameterError as error:
            self._fail(name, describe(error))
            return
        with self._knowing:
            position = len(self._known)
            self._known[queued.job] = queued
        self._send({"type": "queued", "job": queued.job, "position": position})
        self._waiting.put(queued)

    def _cancel(self, name: Any) -> None:
        """Stop a job: one that waits at once, one that runs at its next step. One that has ended needs no answer."""
        with self._knowing:
            queued = self._known.get(name) if isinstance(name, str) else None
            waits = queued is not None and queued is not self._running
            if queued and waits:
                del self._known[queued.job]
        if queued:
            queued.cancelled.set()
        if queued and waits:
            self._fail(queued.job, describe(Cancelled()))

    def _work(self) -> None:
        """The work thread."""
        while True:
            try:
                queued = self._waiting.get(timeout=IDLE_S if self._has_models else None)
            except queue.Empty:
                queued = None
            if queued is None:
                self._drop_models()
            elif self._begin(queued):
                self._finish(queued, self._run(queued))

    def _look(self) -> None:
        """The thread that shows what engines will get. Of several messages that wait, only the last is answered."""
        from .look import look  # here: numpy and scipy take longer than the greeting

        while True:
            message, attachments = self._looks.get()
            while not self._looks.empty():
                message, attachments = self._looks.get()
            answer: dict[str, Any] = {"type": "look", "look": message.get("look")}
            try:
                facts, picture = look(message, attachments)
                self._send(answer | facts, {"views": pack_views(picture[None])})
            except Exception as error:  # the thread must live on
                failure = describe(error)
                self._send(answer | vars(failure))

    def _begin(self, queued: QueuedRequest) -> bool:
        """Make the request the running one, unless it was cancelled while it waited."""
        with self._knowing:
            self._running = queued if self._known.get(queued.job) is queued else None
        return self._running is not None

    def _finish(self, queued: QueuedRequest, failure: Failure | None) -> None:
        with self._knowing:
            self._running = None
            del self._known[queued.job]
        if failure is None:
            return
        is_memory = failure.kind == "memory"
        if is_memory:  # only here: before, the exception still holds tensors
            self._drop_models()
        self._fail(queued.job, failure, lighter(queued.task, queued.parameters) if is_memory else {})
        if self._is_spoiled:
            os._exit(1)

    def _run(self, queued: QueuedRequest) -> Failure | None:
        """Run a request and send its result; return the failure, if any."""
        folder, self._has_models = None, True
        try:
            folder = JobFolder(self._jobs, queued.job)
            folder.write_json("request.json", queued.message)
            self._resume(queued.message.get("resume"), folder)
            inputs = read_inputs(queued.task, queued.message.get("inputs"), queued.attachments, folder.write)
            request = engines.Request(queued.task.name, inputs, queued.parameters, queued.seed)
            kind = self._kind_of(request)
            self._reporting = progress = self._progress(queued, folder, kind)
            result = run(request, progress, self._load)
            progress.finish()
            if not queued.enough.is_set() and "resume" not in queued.message:
                remember_times(self._jobs, kind, progress.times)
            self._send_result(queued.job, folder, result)
        except BaseException as error:
            if folder:
                folder.log_error(error)
            self._is_spoiled |= not Path(__file__).exists() or is_of_import(error)
            return describe(error)
        finally:
            self._reporting = None
        return None

    def _kind_of(self, request: engines.Request) -> Kind:
        """The kind of a request for stage times. Models are loaded if the last job had them."""
        name, parameters = request.task, vars(request.parameters)
        models = name, parameters.get("weights", ""), parameters.get("device", "")
        is_warm, self._models = models == self._models, models
        return kind_of(name, parameters, is_warm, counts_of(name, request.inputs))

    def _progress(self, queued: QueuedRequest, folder: JobFolder, kind: Kind) -> Progress:
        known, device = read_known(self._jobs), device_of(kind.settings.get("device", "auto"), self._devices)
        logged = ""

        def on_progress(update: ProgressUpdate) -> None:
            nonlocal logged
            if update.stage != logged:
                logged = update.stage
                folder.log(logged)
            self._send({"type": "progress", "job": queued.job, **vars(update)})

        def on_preview(views: np.ndarray | None, mesh: Mesh | None) -> None:
            attachments = {} if views is None else {"views": pack_views(views)}
            self._send(
                {"type": "preview", "job": queued.job}, attachments | ({"mesh": pack_mesh(mesh)} if mesh else {})
            )

        return Progress(
            on_progress,
            on_preview,
            queued.cancelled.is_set,
            is_ending=queued.enough.is_set,
            folder=folder.path,
            expected=expected_times(kind, known, device),
            is_measured=is_measured(kind, known),
        )

    def _resume(self, earlier: Any, folder: JobFolder) -> None:
        """Copy the checkpoints of the earlier job that this one goes on from, if it left some. FolderError."""
        if isinstance(earlier, str) and JOB_NAME.fullmatch(earlier):
            try:
                copy_checkpoints(self._jobs / earlier, folder.path)
            except OSError as error:
                raise FolderError(folder.path, error) from error

    def _send_result(self, job: str, folder: JobFolder, result: engines.MeshResult | engines.ImageResult) -> None:
        """Keep the result and send it. If the disk is full, it is sent all the same."""
        path, packed = str(folder.path), pack_result(result)
        try:
            if isinstance(result, engines.MeshResult):
                folder.write("thumbnail.png", pack_thumbnail(result.views))
            folder.write_result(packed, result.facts)
            folder.log("Done")
        except FolderError as error:
            folder.log_error(error)
            path = ""
            result = replace(result, facts=add_warnings(result.facts, [f"The result is not kept: {error}"]))
        kind = "result" if isinstance(result, engines.MeshResult) else "picture"
        self._send({"type": kind, "job": job, "folder": path, "report": result.facts}, packed)

    def _drop_models(self) -> None:
        try:
            drop_models()
        except Exception:  # the work thread must live on
            traceback.print_exc()
        self._has_models, self._models = False, None

    def _list_devices(self) -> None:
        try:
            self._devices = devices.processors() + devices.graphics_cards()
        except Exception:  # a broken driver; jobs will say what is wrong
            traceback.print_exc()
        self._send({"type": "devices", "devices": self._devices})

    def _beat(self) -> None:
        pause = threading.Event()
        while not pause.wait(protocol.HEARTBEAT_S):
            self._send({"type": "heartbeat"})
            if progress := self._reporting:
                progress.repeat()

    def _fail(self, name: Any, failure: Failure, lower: Mapping[str, Any] | None = None) -> None:
        known = isinstance(name, str) and len(name) < 200  # do not echo anything else
        self._send({"type": "failure", "job": name if known else None, **vars(failure), "lower": dict(lower or {})})

    def _send(self, message: dict[str, Any], attachments: Mapping[str, bytes] | None = None) -> None:
        try:
            with self._writing:
                protocol.write_frame(self._sink, message, attachments)
        except OSError:  # the other side is gone
            os._exit(0)


def live(work: Callable[[], None]) -> None:
    """Run a thread's work. If it fails, the process ends: without the thread, jobs would never end."""
    try:
        work()
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def is_of_import(error: BaseException | None) -> bool:
    """Whether an exception, or one that caused it, was raised while a module was imported, as for lack of memory."""
    while error is not None:
        frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
        if isinstance(error, ImportError) or any(frame.f_code.co_name == "<module>" for frame in frames):
            return True
        error = error.__cause__ or error.__context__
    return False


def check_request(message: dict[str, Any], attachments: dict[str, bytes]) -> QueuedRequest:
    """Check a message and make a request of it; its inputs are read later. ParameterError."""
    job, seed = message.get("job"), message.get("seed", 0)
    if not isinstance(job, str) or not JOB_NAME.fullmatch(job):
        raise ParameterError(f"{str(job)[:80]!r} cannot be the name of a job.")
    declared = task(message.get("engine", ""))
    if type(seed) is not int or not 0 <= seed <= MAX_SEED:
        raise ParameterError(f"The seed must be a whole number from 0 to {MAX_SEED}.")
    return QueuedRequest(job, declared, declared.check(message.get("parameters", {})), seed, message, attachments)


def main(jobs: Path, load: Load = engines.load) -> None:
    """Serve on this process's standard streams and end it. Never returns."""
    faulthandler.enable()
    stdio.forgive_log()
    stdio.end_with_parent()
    stdio.yield_to_blender()
    status = Server(stdio.claim_input(), stdio.claim_output(), jobs, load).serve()
    os._exit(status)  # not sys.exit: that would wait for threads in the middle of a job

# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend process: frames on standard input and output, one job at a time, the others in a queue.

Main thread: reads. Job thread: works and writes. Two more threads: heartbeats, and the search for graphics cards.
"""

from __future__ import annotations

import faulthandler
import os
import platform
import queue
import re
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from .. import __version__, engines
from ..interface import parameters, protocol, tasks
from ..interface.common_parameters import PROMPT
from ..runtime import devices
from ..runtime.progress import CHECKPOINT, Cancelled, Progress, ProgressUpdate
from . import availability, stdio
from .failure import Failure, describe
from .run import Folder, FolderError, Load, drop_models, pack, pack_mesh, run

if TYPE_CHECKING:
    import numpy as np

    from ..rendering.mesh import Mesh

IDLE_S = 600.0  # after which the models are dropped
JOB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")  # it becomes a folder's name
VIEW_NAME = re.compile(r"view_\d{3}")
MAX_SEED = 2**32 - 1


@dataclass
class Job:
    """A request on its way."""

    id: str
    message: dict[str, Any]
    attachments: dict[str, bytes]
    request: engines.Request
    cancelled: threading.Event = field(default_factory=threading.Event)
    enough: threading.Event = field(default_factory=threading.Event)  # stop here and keep the mesh


class Server:
    """jobs: the folder that receives a folder for each job. load: how an engine's module is found, by name."""

    def __init__(self, source: BinaryIO, sink: BinaryIO, jobs: Path, load: Load = engines.load) -> None:
        self._source, self._sink, self._jobs, self._load = source, sink, jobs, load
        self._writing = threading.Lock()
        self._waiting: queue.SimpleQueue[Job | None] = queue.SimpleQueue()  # None: drop the models
        self._known: dict[str, Job] = {}  # waiting or running, in their order; change it under this lock:
        self._knowing = threading.Lock()
        self._running: Job | None = None
        self._loaded: dict[str, engines.EngineModule] = {}

    def serve(self) -> int:
        """Greet, then read until the other side goes away. Returns the exit status; threads may still be at work."""
        self._send(
            {
                "type": "hello",
                "protocol": protocol.PROTOCOL,
                "version": __version__,
                "engines": availability.engine_states(),
                "devices": devices.processors(),
                "python": platform.python_version(),
            }
        )
        for work in (self._work, self._beat, self._list_devices):
            threading.Thread(target=work, name=work.__name__, daemon=True).start()
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
                if job := self._known.get(str(message.get("job"))):
                    job.enough.set()
            case "unload":
                self._waiting.put(None)
            case "heartbeat":
                pass
            case unknown:
                self._send({"type": "log", "text": f"The backend does not know the message {unknown[:80]!r}."})

    def _accept(self, message: dict[str, Any], attachments: dict[str, bytes]) -> None:
        """Queue a job, or say at once what is wrong with the request."""
        name = message.get("job")
        try:
            job = Job(self._check_name(name), message, attachments, check_request(message))
        except parameters.ParameterError as error:
            self._fail(name, describe(error))
            return
        with self._knowing:
            position = len(self._known)
            self._known[job.id] = job
        self._send({"type": "queued", "job": job.id, "position": position})
        self._waiting.put(job)

    def _check_name(self, name: Any) -> str:
        if not isinstance(name, str) or not JOB_NAME.fullmatch(name):
            raise parameters.ParameterError(f"{str(name)[:80]!r} cannot be the name of a job.")
        if name in self._known:
            raise parameters.ParameterError(f"There is a job {name!r} already.")
        return name

    def _cancel(self, name: Any) -> None:
        """Stop a job: one that waits at once, one that runs at its next step. One that has ended needs no answer."""
        with self._knowing:
            job = self._known.get(name) if isinstance(name, str) else None
            waits = job is not None and job is not self._running
            if job and waits:
                del self._known[job.id]
        if job:
            job.cancelled.set()
        if job and waits:
            self._fail(job.id, describe(Cancelled()))

    def _work(self) -> None:
        """The job thread."""
        while True:
            try:
                job = self._waiting.get(timeout=IDLE_S if self._loaded else None)
            except queue.Empty:
                job = None
            if job is None:
                self._drop_models()
            elif self._begin(job):
                self._finish(job, self._run(job))

    def _begin(self, job: Job) -> bool:
        """Make the job the running one, unless it was cancelled while it waited."""
        with self._knowing:
            self._running = job if self._known.get(job.id) is job else None
        return self._running is not None

    def _finish(self, job: Job, failure: Failure | None) -> None:
        with self._knowing:
            self._running = None
            del self._known[job.id]
        if failure and failure.kind == "memory":  # here, where the exception holds no tensors any more
            self._drop_models()
        if failure:
            self._fail(job.id, failure, easier(job.request) if failure.kind == "memory" else {})

    def _run(self, job: Job) -> Failure | None:
        """Run a job and send its result; what went wrong is returned."""
        folder = None
        try:
            folder = Folder(self._jobs, job.id)
            folder.write_json("request.json", job.message)
            self._take_up(job, folder)
            job.request.inputs.update(read_inputs(job, folder) | read_mesh(job, folder))
            result = run(job.request, self._report(job, folder), self._load_engine)
            self._send_result(job.id, folder, result)
        except BaseException as error:
            if folder:
                folder.log_error(error)
            return describe(error)
        return None

    def _report(self, job: Job, folder: Folder) -> Progress:
        def on_progress(update: ProgressUpdate) -> None:
            if update.step == 0:
                folder.log(update.stage)
            self._send({"type": "progress", "job": job.id, **vars(update)})

        def on_preview(views: np.ndarray | None, mesh: Mesh | None) -> None:
            attachments = {} if views is None else {"views": pack({"views": views})}
            self._send({"type": "preview", "job": job.id}, attachments | ({"mesh": pack_mesh(mesh)} if mesh else {}))

        return Progress(on_progress, on_preview, job.cancelled.is_set, is_ending=job.enough.is_set, folder=folder.path)

    def _take_up(self, job: Job, folder: Folder) -> None:
        """Copy the checkpoint of the job that this one is to go on from, if it left one."""
        earlier = job.message.get("resume")
        if isinstance(earlier, str) and JOB_NAME.fullmatch(earlier):
            checkpoint = self._jobs / earlier / CHECKPOINT
            if checkpoint.is_file():
                folder.write(CHECKPOINT, checkpoint.read_bytes())

    def _send_result(self, name: str, folder: Folder, result: engines.Result) -> None:
        """Keep the result and send it. A disk that is full by now must not cost the artist the mesh."""
        path = str(folder.path)
        if result.facts["engine"] in tasks.OF_PICTURES:
            message = {"type": "picture", "job": name, "folder": path, "report": result.facts}
            self._send(message, folder.write_pictures(result))
            return
        try:
            folder.write_result(result)
            folder.log("Done")
        except FolderError as error:
            folder.log_error(error)
            path, result.facts["warning"] = "", f"The result is not kept: {error}"
        attachments = {"mesh": pack_mesh(result.mesh), "views": pack({"views": result.views})}
        self._send({"type": "result", "job": name, "folder": path, "report": result.facts}, attachments)

    def _load_engine(self, name: str) -> engines.EngineModule:
        self._loaded[name] = self._load(name)
        return self._loaded[name]

    def _drop_models(self) -> None:
        try:
            drop_models(self._loaded.values())
        except Exception:  # the job thread must live on
            traceback.print_exc()
        self._loaded.clear()

    def _list_devices(self) -> None:
        self._send({"type": "devices", "devices": devices.processors() + devices.graphics_cards()})

    def _beat(self) -> None:
        pause = threading.Event()
        while not pause.wait(protocol.HEARTBEAT_S):
            self._send({"type": "heartbeat"})

    def _fail(self, name: Any, failure: Failure, lower: Mapping[str, Any] | None = None) -> None:
        known = isinstance(name, str) and len(name) < 200  # anything else is not worth repeating
        self._send({"type": "failure", "job": name if known else None, **vars(failure), "lower": dict(lower or {})})

    def _send(self, message: dict[str, Any], attachments: Mapping[str, bytes] | None = None) -> None:
        try:
            with self._writing:
                protocol.write_frame(self._sink, message, attachments)
        except OSError:  # nobody listens any more
            os._exit(0)


def check_request(message: dict[str, Any]) -> engines.Request:
    """The request in a message, its inputs not read yet; ParameterError."""
    engine = tasks.asked(message.get("engine", ""))
    seed = message.get("seed", 0)
    if type(seed) is not int or not 0 <= seed <= MAX_SEED:
        raise parameters.ParameterError(f"The seed must be a whole number from 0 to {MAX_SEED}.")
    return engines.Request(engine.name, {}, engine.check(message.get("parameters", {})), seed)


def easier(request: engines.Request) -> dict[str, Any]:
    """What to lower so that a job may fit into memory: half the mesh's resolution, or the main memory in the end."""
    finest, values = "mesh_resolution", request.parameters
    if finest in values:
        least = tasks.asked(request.engine).parameter(finest).minimum
        half = max(int(least or 1), values[finest] // 2)
        if half < values[finest]:
            return {finest: half}
    return {} if request.parameters["device"] == "cpu" else {"device": "cpu"}


def read_inputs(job: Job, folder: Folder) -> dict[str, Any]:
    """The job's prompt, image or views, attached or at a path; what was sent is kept. ImageError and others."""
    named = job.message.get("inputs")
    named = named if isinstance(named, dict) else {}
    wanted = tasks.asked(job.request.engine).inputs
    if "views" in wanted:
        return read_views(job, folder, named.get("cameras"))
    if "photos" in wanted:
        return read_photos(job, folder)
    if "angles" in wanted:
        return {"angles": parameters.check_angles(named.get("angles"))} | read_image_input(job, folder, named)
    if "image" not in wanted:
        return {"prompt": PROMPT.check(named.get("prompt"))}
    return read_image_input(job, folder, named)


def read_views(job: Job, folder: Folder, cameras: Any) -> dict[str, Any]:
    """The attached pictures `view_000`, `view_001`, ... with their cameras. ViewsError, ImageError."""
    from ..preprocess.views import read_attached

    files = {name: data for name, data in sorted(job.attachments.items()) if VIEW_NAME.fullmatch(name)}
    for name, data in files.items():
        folder.write(f"{name}.image", data)
    return dict(zip(("views", "cameras"), read_attached(list(files.values()), cameras), strict=True))


def read_photos(job: Job, folder: Folder) -> dict[str, Any]:
    """The attached pictures `view_000`, `view_001`, ... of one subject. ImageError."""
    from ..preprocess.image import read_image

    files = {name: data for name, data in sorted(job.attachments.items()) if VIEW_NAME.fullmatch(name)}
    for name, data in files.items():
        folder.write(f"{name}.image", data)
    return {"photos": [read_image(data) for data in files.values()]}


def read_image_input(job: Job, folder: Folder, named: dict[str, Any]) -> dict[str, Any]:
    """The job's image, or the prompt that it is to be made of."""
    from ..interface.errors import ImageError
    from ..preprocess.image import read_array, read_image

    attached = job.attachments
    if not attached.keys() & {"image_file", "image"} and "prompt" in named:  # of which an image is made
        settings = tasks.PICTURE.check(named.get("picture", {}))
        return {"prompt": PROMPT.check(named["prompt"]), "picture": settings}
    if "image_file" in attached:
        folder.write("input.image", attached["image_file"])
        return {"image": read_image(attached["image_file"])}
    if "image" in attached:
        folder.write("input.npz", attached["image"])
        return {"image": read_array(attached["image"])}
    path = named.get("image")
    if not isinstance(path, str) or path in ("", "attachment"):
        raise ImageError("No image came with the request.")
    return {"image": read_image(path)}


def read_mesh(job: Job, folder: Folder) -> dict[str, Any]:
    """The mesh that the job starts from, if one was sent; it is kept in the folder. MeshFileError, FolderError."""
    from ..meshing.files import unpack

    if "mesh" not in job.attachments:
        return {}
    folder.write("start.npz", job.attachments["mesh"])
    return {"mesh": unpack(job.attachments["mesh"])}


def main(jobs: Path, load: Load = engines.load) -> None:
    """Serve on this process's standard streams and end it. Never returns."""
    faulthandler.enable()
    stdio.end_with_parent()
    stdio.yield_to_blender()
    status = Server(stdio.claim_input(), stdio.claim_output(), jobs, load).serve()
    os._exit(status)  # not sys.exit: that would wait for threads in the middle of a job

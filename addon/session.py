# SPDX-License-Identifier: GPL-3.0-or-later
"""The session: one object that holds the queue, the backend's setup, the disk scan, icons, preview and timer."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable

import bpy

from ..backend.interface import protocol
from .base.icons import INPUT, RESULT, SHEET, Icons
from .base.trouble import Trouble
from .jobs.job import Job, State
from .jobs.process import Launch
from .jobs.queue import JobQueue
from .jobs.timer import Timer
from .scene import mesh_import
from .scene.delivery import IMPORT
from .scene.images.input_preview import InputPreview
from .scene.result_view import ResultView
from .scene.viewport_preview import ViewportPreview
from .settings import choices
from .setup import environment, folders, job_folders
from .setup.disk_scan import DiskScan
from .setup.expected_time import ExpectedTime

TICK_S = 0.1
IDLE_S = 1.0
NOTICE_S = 8.0  # how long the status bar shows a job's end
ENDS = {State.DONE: "{name} is done", State.FAILED: "{name} failed: {message}"}


class Session:
    """Made when Blender enables the extension, closed when it disables it. The panel starts timer and process."""

    def __init__(self) -> None:
        self.timer = Timer(self.tick)
        self.queue = JobQueue(self.launch, self.deliver, lambda answer: self.input.take(answer))
        self.input = InputPreview(self.queue.ask, self.queue.warm_up, self.timer.wake)
        self.setup = environment.Setup(self.timer.start)
        self.disk_scan = DiskScan(self.setup, self.timer.start)
        self.expected = ExpectedTime(
            lambda: folders.chosen().jobs, self.timer.start, self.queue.has_models, self.queue.devices
        )
        self.icons, self.preview, self.result = Icons(), ViewportPreview(), ResultView()
        self.longest_ms = 0.0  # the longest time that a tick has held Blender, without imports
        self.longest_import_ms = 0.0
        self._imports_ms = 0.0  # of all imports together
        self._drawn: tuple | None = None  # the state that panels showed last
        self._announced, self._silent_at = "", 0.0  # the job whose end the status bar shows, and until when
        self._status: str | None = None  # the text there

    def submit(self, job: Job) -> None:
        self.queue.submit(job)
        self.timer.start()

    def wait_for(self, jobs: list[Job]) -> None:
        """Return when all these jobs have ended, for scripts without a window."""
        while any(job in self.queue.jobs() for job in jobs):
            self.tick()
            time.sleep(0.02)

    def launch(self) -> Callable[[], Launch]:
        """A function that makes the backend ready and says how to start it. It may run in a thread. Main thread."""
        chosen = folders.chosen()

        def prepare() -> Launch:
            python, root = environment.ready_backend(chosen)
            command = protocol.command(str(python), str(root), "serve", "--jobs", str(chosen.jobs))
            variables = protocol.environment(os.environ) | environment.variables(chosen)
            return Launch(command, variables, chosen.data_folder, chosen.log)

        return prepare

    def deliver(self, job: Job) -> str:
        """Put a finished job's result into the scene that it was started in; returns why that has to wait, or an empty
        string. Raises Trouble."""
        scene = next((scene for scene in bpy.data.scenes if scene.session_uid == job.delivery.scene), None)
        if scene is None:
            raise Trouble("The result is finished, but its scene is no longer open", IMPORT, "moved")
        if reason := mesh_import.why_not_now():
            return reason
        began = time.perf_counter()
        try:
            job.delivery.deliver(job, scene)
        finally:
            took = 1000 * (time.perf_counter() - began)
            self.longest_import_ms = max(self.longest_import_ms, took)
            self._imports_ms += took
        job_folders.mark_imported(job.outcome.folder)
        return ""

    def tick(self) -> float | None:
        """Move everything on; returns the seconds until the next call, as Blender's timers want it."""
        began, imports = time.perf_counter(), self._imports_ms
        try:
            if self.setup.is_ready():
                self.input.poll()
            self.queue.poll()
            self.setup.poll()
            self.announce()
        except Exception:  # an exception would end the timer, and with it every job
            traceback.print_exc()
            self.queue.stop(timeout=0.0)
        job = self.queue.active
        pictures = {SHEET: job.progress.sheet if job else None, INPUT: self.input.picture}
        pictures[RESULT] = self.result.picture
        changed = [self.icons.show(key, picture) for key, picture in pictures.items()]
        if any(changed) | self._has_changed():
            redraw_panels()
        self.preview.show(job)
        self.longest_ms = max(self.longest_ms, 1000 * (time.perf_counter() - began) - (self._imports_ms - imports))
        if (
            self.queue.busy
            or self.input.waiting
            or self.setup.running
            or self.disk_scan.running
            or self.expected.running
        ):
            return TICK_S
        return IDLE_S if self.queue.process or self._silent_at else None

    def announce(self) -> None:
        """Show in the status bar how the last job ended, for some seconds, and how far the running one is."""
        last, running, text = self.queue.last, self.queue.active, None
        if last is not None and last.id != self._announced:
            self._announced, self._silent_at = last.id, time.monotonic() + NOTICE_S
            self.expected.refresh()
        if self._silent_at and time.monotonic() > self._silent_at:
            self._silent_at = 0.0
        if self._silent_at and last is not None and last.state in ENDS:
            text = ENDS[last.state].format(name=last.name, message=last.outcome.message)
        elif running:
            translate = bpy.app.translations.pgettext_iface
            stage, left = running.progress.stage_text(translate), running.progress.time_left(translate)
            text = ". ".join(filter(None, (f"{running.name}: {stage}", left)))
        self.write_status(f"Image to Mesh: {text}" if text else None)

    def write_status(self, text: str | None) -> None:
        """Show a text in the status bar of every window; None gives it back to Blender."""
        if text != self._status:
            self._status = text
            for window in bpy.context.window_manager.windows:
                window.workspace.status_text_set(text)

    def close(self) -> None:
        """Leave no timer, no process, no thread and no picture."""
        self.timer.stop()
        self.queue.stop()
        self.setup.close()
        self.disk_scan.close()
        self.expected.close()
        self.icons.close()
        self.preview.close()

    def _has_changed(self) -> bool:
        """Whether panel or preferences show something new. Drawing costs far more than a tick."""
        task, last = self.setup.task, self.queue.last
        state = (
            [(job.id, job.state, *described(job)) for job in self.queue.jobs()],
            last and last.id,
            task and (task.stage, task.line, task.overall, len(task.sizes), task.ended),
            self.disk_scan.known,
            (self.input.words, self.input.objects),
            self.expected.known,
        )
        changed, self._drawn = state != self._drawn, state
        return changed


def described(job: Job) -> tuple:
    """The parts of a job's progress that the panel shows."""
    progress = job.progress
    return progress.stage_text(), progress.time_left(), progress.note, round(progress.overall, 2)


def redraw_panels() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in {"VIEW_3D", "PREFERENCES"}:
                for region in area.regions:
                    if region.type == "UI" or area.type == "PREFERENCES":
                        region.tag_redraw()


_session: Session | None = None


def current() -> Session:
    """The session, while the extension is enabled."""
    assert _session, "The extension is not enabled"
    return _session


def register() -> None:
    global _session
    _session = Session()
    choices.disk_scan = _session.disk_scan


def unregister() -> None:
    global _session
    current().close()
    _session = choices.disk_scan = None

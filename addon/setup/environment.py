# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend's environment as Blender sees it: whether it is there, and the tasks that make, check and remove it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from ...backend.interface.installer import environment
from ..base.trouble import Trouble
from . import folders, job_folders
from .background_task import BackgroundTask
from .folders import EXTENSION, OTHER_FOLDER, Chosen

SETTING_UP = "Setting up"
SET_UP = "Press Set Up Backend in the preferences"
NOT_SET_UP = "The backend is not set up yet. Press Set Up Backend in the preferences"


def variables(chosen: Chosen) -> dict[str, str]:
    """The environment variables of the backend beside the protocol's. The user's own ban on downloads counts too."""
    offline = "1" if chosen.offline else os.environ.get("HF_HUB_OFFLINE", "0")
    return {"IMAGE_TO_MESH_WEIGHTS": str(chosen.weights), "IMAGE_TO_MESH_OFFLINE": offline}


def ready_backend(chosen: Chosen) -> tuple[Path, Path]:
    """(interpreter, folder that holds the package `backend`), up to date. May run in a thread. Raises Trouble."""
    if chosen.python and not chosen.python.is_file():
        raise Trouble(f"There is no interpreter at {chosen.python}", "Correct the path in the preferences, or clear it")
    if not chosen.python and not environment.is_ready(chosen.data_folder):
        raise Trouble("The backend is not set up", SET_UP)
    try:
        root = environment.copy_backend(EXTENSION, chosen.data_folder)
    except OSError as error:
        raise Trouble(f"The data folder cannot be written: {error}", OTHER_FOLDER, "disk") from error
    return chosen.python or environment.python_of(chosen.data_folder), root


class Setup:
    """Whether the backend can be started, and the one background task that may change that.

    start_timer() lets the session's timer run, which calls `poll` until the task has ended.
    """

    def __init__(self, start_timer: Callable[[], None]):
        self.start_timer = start_timer
        self.task: BackgroundTask | None = None  # the one that runs, or the last one
        self.generation = 0  # grows whenever something on the disk may have changed
        self._ready: bool | None = None  # None: not looked yet
        self._removable: bool | None = None
        self._then: Callable[[], None] | None = None

    @property
    def running(self) -> bool:
        return bool(self.task and self.task.running)

    def is_ready(self) -> bool:
        """Whether a backend can be started. Asked on every redraw: looks at the disk only after something changed."""
        if self._ready is None:
            chosen = folders.chosen()
            self._ready = chosen.python.is_file() if chosen.python else environment.is_ready(chosen.data_folder)
        return self._ready

    def has_environment(self) -> bool:
        """Whether there is an environment to remove, complete or not. Asked on every redraw, as `is_ready`."""
        if self._removable is None:
            self._removable = (folders.chosen().data_folder / "environment").is_dir()
        return self._removable

    def look_again(self) -> None:
        """Forget what was seen on the disk."""
        self._ready = self._removable = None
        self.generation += 1

    def why_unavailable(self) -> str:
        """Why no job can be started, or an empty string."""
        if self.task and self.task.exclusive and self.task.running:
            return f"{self.task.title} is in progress. Wait for it to finish"
        return "" if self.is_ready() else NOT_SET_UP

    def begin(
        self,
        title: str,
        work: Callable[[BackgroundTask], None],
        exclusive: bool = True,
        then: Callable[[], None] | None = None,
    ) -> None:
        """Start a task. then: called on the main thread when it has ended without trouble."""
        self.task, self._then = BackgroundTask(title, work, exclusive), then
        self.start_timer()

    def poll(self) -> None:
        """Read what the task's thread has said. Called by the timer."""
        if self.task and not self.task.ended:
            self.task.poll()
            if self.task.ended:
                self.look_again()
                if self._then and not self.task.trouble:
                    self._then()

    def close(self) -> None:
        """End the task's thread."""
        if self.task:
            self.task.close()
        self.task = None

    def install(self, chosen: Chosen) -> None:
        """Make the environment, going on where an earlier attempt stopped; pip's output goes to the log."""

        def work(task: BackgroundTask) -> None:
            chosen.log.parent.mkdir(parents=True, exist_ok=True)
            with chosen.log.open("a", encoding="utf-8") as file:

                def say(stage: str, overall: float, line: str) -> None:
                    print(stage, line, file=file, flush=True)
                    task.say(stage, overall, line)

                environment.install(chosen.data_folder, EXTENSION, chosen.variant, say, task.stopped)

        self.begin(SETTING_UP, work)

    def remove(self, chosen: Chosen) -> None:
        self.begin("Removing", lambda task: environment.remove(chosen.data_folder))

    def check(self, chosen: Chosen) -> None:
        """Look whether the interpreter that the user named has what the backend needs."""

        def work(task: BackgroundTask) -> None:
            good, message = environment.check_interpreter(chosen.python or environment.python_of(chosen.data_folder))
            if not good:
                raise Trouble(message, "Install the missing packages, or clear the path and use Set Up Backend")
            task.say(message, 1.0)

        self.begin("Checking", work)

    def measure(self, chosen: Chosen) -> None:
        """Find out how large the folders are; an environment has 30,000 files."""

        def work(task: BackgroundTask) -> None:
            chosen.data_folder.mkdir(parents=True, exist_ok=True)
            for name in sorted(path.name for path in chosen.data_folder.iterdir() if path.is_dir()):
                task.sizes[name] = environment.size(chosen.data_folder / name)

        self.begin("Measuring", work)

    def remove_jobs(self, chosen: Chosen) -> None:
        """Delete the folders of jobs that are no longer needed."""

        def work(task: BackgroundTask) -> None:
            for folder in job_folders.removable(chosen.jobs):
                shutil.rmtree(folder, ignore_errors=True)

        self.begin("Removing jobs", work)

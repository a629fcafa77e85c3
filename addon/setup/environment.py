# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend's environment as Blender sees it: is it there, make it in a thread, remove it, how large is it."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...backend.interface.installer import environment
from ..base.preferences import preferences
from ..base.trouble import Trouble

EXTENSION = Path(__file__).resolve().parents[2]  # read, never written
SET_UP = "Press Set Up Backend in the preferences"
OTHER_FOLDER = "Free some space, or choose another data folder in the preferences"

Say = Callable[[str, float, str], None]


@dataclass(frozen=True)
class Chosen:
    """What the preferences say, in a form that threads may read."""

    data_folder: Path
    python: Path | None  # an interpreter that the user named, instead of an environment of ours
    variant: str
    weights: Path  # where sets of weights are kept
    offline: bool  # whether Blender forbids downloads


class Task:
    """Something long that runs in a thread: setting up, removing, measuring. One at a time.

    exclusive: no job may start meanwhile.
    """

    def __init__(self, title: str, work: Callable[[Task], None], exclusive: bool = True):
        self.title, self.stage, self.overall, self.line = title, title, 0.0, ""
        self.exclusive = exclusive
        self.trouble: Trouble | None = None
        self.sizes: dict[str, int] = {}
        self.ended = False
        self._stop = threading.Event()
        self._said: queue.SimpleQueue[tuple[str, float, str]] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._run, args=(work,), name=f"Image to Mesh {title}", daemon=True)
        self.thread.start()

    def _run(self, work: Callable[[Task], None]) -> None:
        try:
            work(self)
        except Trouble as trouble:
            self.trouble = trouble
        except environment.SetupError as error:
            self.trouble = Trouble(error.message, error.remedy)
        except Exception as error:  # a thread's exception would be seen by nobody
            self.trouble = Trouble(f"{self.title} failed: {error}", "Try again; what is done already is kept")

    def say(self, stage: str, overall: float, line: str = "") -> None:
        self._said.put((stage, overall, line))

    def stopped(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        self._stop.set()

    def poll(self) -> None:
        while not self._said.empty():
            self.stage, self.overall, line = self._said.get()
            self.line = line or self.line


_task: Task | None = None
_ready: bool | None = None  # None: not looked yet
generation = 0  # grows whenever something on the disk may have changed


def chosen(prefs) -> Chosen:
    """Read the preferences. Main thread."""
    import bpy

    folder = Path(bpy.path.abspath(prefs.data_folder)) if prefs.data_folder else environment.default_data_folder()
    python = Path(bpy.path.abspath(prefs.python)) if prefs.python else None
    weights = Path(bpy.path.abspath(prefs.weights_folder)) if prefs.weights_folder else folder / "weights"
    return Chosen(folder, python, prefs.variant.lower(), weights, not bpy.app.online_access)


def environment_of(wanted: Chosen) -> dict[str, str]:
    """What the backend is told beside the protocol's settings. A user's own word about downloads counts, if Blender
    allows them.
    """
    offline = "1" if wanted.offline else os.environ.get("HF_HUB_OFFLINE", "0")
    return {"IMAGE_TO_MESH_WEIGHTS": str(wanted.weights), "IMAGE_TO_MESH_OFFLINE": offline}


def ready_backend(wanted: Chosen) -> tuple[Path, Path]:
    """(interpreter, folder that holds the package `backend`), up to date. May run in a thread. Raises Trouble."""
    if wanted.python and not wanted.python.is_file():
        raise Trouble(f"There is no interpreter at {wanted.python}", "Correct its path in the preferences, or empty it")
    if not wanted.python and not environment.is_ready(wanted.data_folder):
        raise Trouble("The backend is not set up", SET_UP)
    try:
        root = environment.copy_backend(EXTENSION, wanted.data_folder)
    except OSError as error:
        raise Trouble(f"The data folder cannot be written: {error}", OTHER_FOLDER, "disk") from error
    return wanted.python or environment.python_of(wanted.data_folder), root


def is_ready() -> bool:
    """Whether a backend can be started. Looks at the disk only after something changed: poll() and draw() ask."""
    global _ready
    if _ready is None:
        wanted = chosen(preferences())
        _ready = wanted.python.is_file() if wanted.python else environment.is_ready(wanted.data_folder)
    return _ready


def look_again(_self=None, _context=None) -> None:
    """Forget what was seen on disk; also the update callback of the preferences' paths."""
    global _ready, generation
    _ready = None
    generation += 1


def obstacle() -> str:
    """Why no job can be started, or an empty string."""
    if _task and _task.exclusive and running():
        return f"{_task.title} is going on; wait until it has ended"
    return "" if is_ready() else "The backend is not set up yet. " + SET_UP


def task() -> Task | None:
    """The task that runs, or the last one."""
    return _task


def running() -> bool:
    return bool(_task and _task.thread.is_alive())


def begin(title: str, work: Callable[[Task], None], exclusive: bool = True) -> None:
    global _task
    _task = Task(title, work, exclusive)


def install(wanted: Chosen, log: Path) -> None:
    """Make the environment, going on where an earlier attempt stopped; what pip says goes to the log."""

    def work(task: Task) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:

            def say(stage: str, overall: float, line: str) -> None:
                print(stage, line, file=file, flush=True)
                task.say(stage, overall, line)

            environment.install(wanted.data_folder, EXTENSION, wanted.variant, say, task.stopped)

    begin("Setting up", work)


def remove(wanted: Chosen) -> None:
    begin("Removing", lambda task: environment.remove(wanted.data_folder))


def check(wanted: Chosen) -> None:
    """Look whether the interpreter that the user named has what the backend needs."""

    def work(task: Task) -> None:
        good, message = environment.check_interpreter(wanted.python or environment.python_of(wanted.data_folder))
        if not good:
            raise Trouble(message, "Install what is missing, or empty the path and use Set Up Backend")
        task.say(message, 1.0)

    begin("Checking", work)


def measure(wanted: Chosen) -> None:
    """Find out how large the folders are; an environment has 30,000 files."""

    def work(task: Task) -> None:
        wanted.data_folder.mkdir(parents=True, exist_ok=True)
        for name in sorted(path.name for path in wanted.data_folder.iterdir() if path.is_dir()):
            task.sizes[name] = environment.size(wanted.data_folder / name)

    begin("Measuring", work)


def sizes() -> dict[str, int]:
    """Bytes of each folder in the data folder, as far as they were measured."""
    return dict(_task.sizes) if _task else {}


def poll() -> None:
    """Take in what the thread said. Called by the session's timer."""
    if _task and not _task.ended:
        alive = _task.thread.is_alive()
        _task.poll()
        if not alive:
            _task.ended = True
            look_again()


def stop() -> None:
    """End the thread's work, for unregister()."""
    global _task
    if _task and _task.thread.is_alive():
        _task.stop()
        _task.thread.join(5.0)
    _task = None

# SPDX-License-Identifier: GPL-3.0-or-later
"""The size of the jobs on the disk, and the sets of weights that are there. A thread looks after a change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ...backend.interface.installer.environment import size
from ...backend.interface.installer.hardware import detect_variant
from ..base.trouble import Trouble
from . import folders, job_folders, weights
from .environment import Setup
from .folders import Chosen


@dataclass(frozen=True)
class Seen:
    """weights: by id, the answer of `models list`; jobs: bytes of all jobs; removable: bytes of those that may go;
    waiting: folder names of finished jobs that have not been imported, newest first; variant: the build of PyTorch that
    suits this machine, "" while that is unknown."""

    weights: dict[str, dict] = field(default_factory=dict)
    jobs: int = 0
    removable: int = 0
    waiting: tuple[str, ...] = ()
    variant: str = ""
    complete: bool = False  # whether the sets of weights could be listed

    def has(self, identity: str) -> bool:
        """Whether a set of weights is known to be here."""
        return bool(self.weights.get(identity, {}).get("folder"))

    def lacks(self, identity: str) -> bool:
        """Whether a set of weights is known to be missing."""
        return self.complete and not self.has(identity)


class DiskScan:
    """start_timer() lets the session's timer run, which redraws the panel when the scan has ended."""

    def __init__(self, setup: Setup, start_timer: Callable[[], None]):
        self.setup, self.start_timer = setup, start_timer
        self.known = Seen()  # the result of the last scan
        self._generation = -1  # of the setup, when the last scan began
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    @property
    def running(self) -> bool:
        return bool(self._thread and self._thread.is_alive())

    def seen(self) -> Seen:
        """The result of the last scan; starts another one if that may be out of date. Main thread, never waits."""
        if self._generation != self.setup.generation and not self.running:
            self._generation = self.setup.generation
            self._stop.clear()
            self._thread = threading.Thread(
                target=self._scan, args=(folders.chosen(),), name="Image to Mesh scan", daemon=True
            )
            self._thread.start()
            self.start_timer()
        return self.known

    def imports(self, folder: str) -> None:
        """Note that a finished job, by its folder's name, waits no longer."""
        self.known = replace(self.known, waiting=tuple(name for name in self.known.waiting if name != folder))

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread:
            self._thread.join(5.0)

    def _scan(self, chosen: Chosen) -> None:
        removable: list[int] = []
        try:
            removable += [size(folder) for folder in job_folders.removable(chosen.jobs)]
            listed = weights.run(chosen, self._stop.is_set, lambda *_: None, "list")["models"]
            found = {model["id"]: model for model in listed}
        except (Trouble, OSError):  # not set up yet, or a folder that cannot be read; others report that
            found = {}
        waiting = tuple(folder.name for folder in job_folders.unimported(chosen.jobs))
        variant = self.known.variant or detect_variant()
        self.known = Seen(found, size(chosen.jobs), sum(removable), waiting, variant, bool(found))

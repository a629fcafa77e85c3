# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a job would take and how many faces it would make, for the panel before the click."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...backend.interface import expected_times, stage_times
from ...backend.interface.task import Task
from ..base.durations import expected_words

FACES_WORDS = ("Up to {} faces", "{} faces")
FACES_A_CELL = 1.0  # of a side's cells, squared: what even a thin object's surface has before it is simplified


class ExpectedTime:
    """A thread reads what is remembered of earlier jobs.

    jobs() names their folder. start_timer() lets the session's timer run, which redraws the panel after that.
    is_warm(task, parameters): whether the backend has these models loaded. devices() lists the backend's.
    """

    def __init__(
        self,
        jobs: Callable[[], Path],
        start_timer: Callable[[], None],
        is_warm: Callable[[Task[Any], Mapping[str, Any]], bool],
        devices: Callable[[], list[dict]],
    ) -> None:
        self.known: stage_times.Known = {}
        self._jobs, self._start_timer, self._is_warm, self._devices = jobs, start_timer, is_warm, devices
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        return bool(self._thread and self._thread.is_alive())

    def refresh(self) -> None:
        """Read anew what is remembered, after a job. Main thread, never waits."""
        self._thread = threading.Thread(
            target=self._read, args=(self._jobs(),), name="Image to Mesh times", daemon=True
        )
        self._thread.start()
        self._start_timer()

    def close(self) -> None:
        """End the thread."""
        if self._thread:
            self._thread.join(5.0)

    def seconds(self, task: Task[Any], parameters: Mapping[str, Any], counts: Mapping[str, int] | None = None) -> float:
        """Seconds that a job with all these parameters takes, 0 if that is unknown. counts: as stage_times.counts_of
        makes them. Never waits for the disk."""
        if self._thread is None:
            self.refresh()
        kind = stage_times.kind_of(task.name, parameters, self._is_warm(task, parameters), counts)
        device = expected_times.device_of(str(parameters.get("device", "auto")), self._devices())
        return sum(expected_times.expected_times(kind, self.known, device).values())

    def words(
        self,
        task: Task[Any],
        parameters: Mapping[str, Any],
        counts: Mapping[str, int] | None = None,
        translate: Callable[[str], str] = str,
    ) -> str:
        """The seconds in words, such as: About 40 s. Empty if they are unknown."""
        seconds = self.seconds(task, parameters, counts)
        return expected_words(seconds, translate) if seconds else ""

    def _read(self, jobs: Path) -> None:
        self.known = stage_times.read_known(jobs)


def expected_faces(parameters: Mapping[str, Any]) -> tuple[int, bool]:
    """The most faces that a mesh made with these parameters has, 0 without a limit; and whether the mesh will have
    about so many, because the surface is finer than that."""
    most = expected_times.most_faces(parameters)
    return most, 0 < most <= FACES_A_CELL * parameters["mesh_resolution"] ** 2


def faces_words(parameters: Mapping[str, Any], translate: Callable[[str], str] = str) -> str:
    """The expected faces in words, such as: 30,000 faces, or: Up to 30,000 faces. Empty without a limit."""
    most, is_reached = expected_faces(parameters)
    return translate(FACES_WORDS[is_reached]).format(f"{most:,}") if most else ""

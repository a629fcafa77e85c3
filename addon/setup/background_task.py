# SPDX-License-Identifier: GPL-3.0-or-later
"""Something long that runs in a thread inside Blender: setting up, downloading, removing, measuring."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from ...backend.interface.installer.environment import SetupError
from ..base.trouble import Trouble

Say = Callable[[str, float, str], None]  # stage, overall 0..1, a line of output


class BackgroundTask:
    """Runs work(task) in a thread. What the thread says reaches the fields when the main thread calls `poll`.

    exclusive: no job may start meanwhile.
    """

    def __init__(self, title: str, work: Callable[[BackgroundTask], None], exclusive: bool = True):
        self.title, self.stage, self.overall, self.line = title, title, 0.0, ""
        self.exclusive = exclusive
        self.trouble: Trouble | None = None
        self.sizes: dict[str, int] = {}  # bytes by folder, as far as they are measured
        self.ended = False  # set by `poll`, after the thread's last words are read
        self._stop = threading.Event()
        self._said: queue.SimpleQueue[tuple[str, float, str]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, args=(work,), name=f"Image to Mesh {title}", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def say(self, stage: str, overall: float, line: str = "") -> None:
        """Report progress. Called by the thread."""
        self._said.put((stage, overall, line))

    def stopped(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        """Ask the thread to end; it looks at `stopped`."""
        self._stop.set()

    def close(self, timeout: float = 5.0) -> None:
        """Stop, and wait for the thread."""
        self.stop()
        self._thread.join(timeout)

    def poll(self) -> None:
        """Read what the thread has said. Main thread, never waits."""
        alive = self.running
        while not self._said.empty():
            self.stage, self.overall, line = self._said.get()
            self.line = line or self.line
        self.ended = not alive

    def _run(self, work: Callable[[BackgroundTask], None]) -> None:
        try:
            work(self)
        except Trouble as trouble:
            self.trouble = trouble
        except SetupError as error:
            self.trouble = Trouble(error.message, error.remedy)
        except Exception as error:  # a thread's exception would be seen by nobody
            self.trouble = Trouble(f"{self.title} failed: {error}", "Try again. Finished parts are kept")

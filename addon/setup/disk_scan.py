# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies on the disk: sets of weights and jobs. Looked at in a thread, when somebody asks and something changed."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from ...backend.interface.installer import environment
from .. import session
from ..base.preferences import preferences
from ..base.trouble import Trouble
from ..jobs import recovery
from . import environment as setup
from . import weights as models


@dataclass(frozen=True)
class Seen:
    """models: by id what `models list` says of a set; jobs: bytes of all jobs; idle: of those that may go."""

    models: dict[str, dict] = field(default_factory=dict)
    jobs: int = 0
    idle: int = 0
    complete: bool = False  # whether the sets of weights could be looked for


_seen = Seen()
_generation = -1  # of setup, when the last look began
_thread: threading.Thread | None = None
_stop = threading.Event()


def seen() -> Seen:
    """What is known; asking starts another look if it may be out of date. Main thread, never waits."""
    global _generation, _thread
    if _generation != setup.generation and not is_looking():
        _generation = setup.generation
        _stop.clear()
        _thread = threading.Thread(
            target=look, args=(setup.chosen(preferences()),), name="Image to Mesh look", daemon=True
        )
        _thread.start()
        session.start()
    return _seen


def known() -> Seen:
    """The same without asking."""
    return _seen


def is_looking() -> bool:
    return bool(_thread and _thread.is_alive())


def look(wanted: setup.Chosen) -> None:
    """The thread."""
    global _seen
    jobs = session.jobs_folder(wanted.data_folder)
    sizes: list[int] = []
    try:
        sizes += [environment.size(folder) for folder in recovery.idle(jobs)]
        listed = models.run(wanted, _stop.is_set, lambda *_: None, "list")["models"]
        found = {model["id"]: model for model in listed}
    except (Trouble, OSError):  # not set up yet, or no folder that can be read, which others say
        found = {}
    _seen = Seen(found, environment.size(jobs), sum(sizes), bool(found))


def stop() -> None:
    """End the look, for unregister()."""
    _stop.set()
    if _thread:
        _thread.join(5.0)

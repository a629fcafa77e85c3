# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches what the process does while it reads an input: files, network, programs, memory, time.

Python's audit hooks tell of every file that is opened and every program and connection that is begun, also by
libraries. Memory is the growth of the resident set at its peak, where the system tells it (Linux).
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support import ROOT

FORBIDDEN = (
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostby",
    "socket.bind",
    "socket.sendto",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.startfile",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.link",
    "os.symlink",
    "os.chmod",
    "shutil.",
    "urllib.Request",
    "webbrowser.open",
)
CODE = tuple({os.path.realpath(path) for path in (sys.prefix, sys.base_prefix, ROOT)})  # modules are read from there
SYSTEM = ("/proc/", "/sys/", "/dev/null", "/dev/urandom", "/etc/mime.types")
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
CPU_S = 8.0  # of computing for one small input; ten thousand times what most take


class TooSlow(BaseException):
    """An input keeps the process busy."""


class Walls:
    """One for the process: an audit hook stays for good, and does nothing outside `around`."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self._folder = ""
        sys.addaudithook(self._hear)
        self.has_timer = hasattr(signal, "ITIMER_VIRTUAL")
        if self.has_timer:
            signal.signal(signal.SIGVTALRM, _stop)

    @contextlib.contextmanager
    def around(self, folder: Path, memory: int) -> Iterator[None]:
        """Note in `broken` what happens inside that must not."""
        self.broken = []
        before = start_peak()
        self._folder = os.path.realpath(folder)
        if self.has_timer:
            signal.setitimer(signal.ITIMER_VIRTUAL, CPU_S)
        try:
            yield
        except TooSlow:
            self.broken.append(f"more than {CPU_S:.0f} s of computing")
        finally:
            self._folder = ""
            if self.has_timer:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        if (grown := peak() - before) > memory:
            self.broken.append(f"{grown >> 20} MB more memory")

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._folder:
            return
        if event == "open":
            self._hear_open(*arguments[:3])
        elif event.startswith(FORBIDDEN):
            self.broken.append(f"{event} {str(arguments)[:200]}")

    def _hear_open(self, path: Any, mode: Any, flags: int) -> None:
        if isinstance(path, int):
            return
        real = os.path.realpath(os.fsdecode(path))
        writes = bool(flags & WRITES) if isinstance(flags, int) else False
        if writes and not real.endswith(".pyc") and real != os.devnull:
            self.broken.append(f"writes {real}")
        elif not (real + os.sep).startswith((self._folder + os.sep, *CODE)) and not real.startswith(SYSTEM):
            self.broken.append(f"opens {real}")


def _stop(*_: object) -> None:
    raise TooSlow


def start_peak() -> int:
    """Set the peak of the resident set back to what it is now, and tell it in bytes; 0 where that is not known."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return 0
    return peak()


def peak() -> int:
    """Bytes of the resident set at its peak; 0 where that is not known."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)

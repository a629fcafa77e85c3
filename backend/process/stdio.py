# SPDX-License-Identifier: GPL-3.0-or-later
"""Reserves standard input and output for frames, and ends the process with its parent."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from functools import cache
from typing import BinaryIO

PR_SET_PDEATHSIG = 1


def open_missing() -> None:
    """Give standard streams that the caller closed to nothing: else the next file that is opened would be one of them.

    Comes before any other file is opened.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", errors="backslashreplace", closefd=False))


class Log(io.RawIOBase):
    """Standard error, whose disk may be full: a line that nobody can read must not end a job."""

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 2

    def write(self, data, /) -> int:
        with suppress(OSError):
            os.write(2, data)
        return len(data)


def forgive_log() -> None:
    """Writing to sys.stderr raises no OSError from now on."""
    sys.stderr = io.TextIOWrapper(Log(), "utf-8", "backslashreplace", write_through=True)  # pyright: ignore[reportArgumentType]


@cache
def claim_output() -> BinaryIO:
    """The real standard output, for frames alone: whatever Python or C prints from now on goes to standard error."""
    sys.stdout.flush()
    real = os.fdopen(os.dup(1), "wb")  # a duplicate is not inherited by child processes
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return real


def claim_input() -> BinaryIO:
    """The real standard input, for frames alone: libraries and child processes find an empty one."""
    real = os.fdopen(os.dup(0), "rb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdin = open(0, encoding="utf-8", closefd=False)
    return real


def forget_broken() -> None:
    """Flush the streams; what nobody reads any more goes nowhere, so that Python's end does not complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, stream.fileno())
            os.close(nothing)


def end_with_parent() -> None:
    """On Linux, ask the kernel to kill us when the thread that started us ends, however that happens.

    Elsewhere the end of standard input is the only sign; Windows gives it as reliably.
    """
    if sys.platform != "linux":
        return
    import ctypes
    import signal

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def yield_to_blender() -> None:
    """Lower this process's priority, so that Blender stays responsive."""
    if sys.platform == "win32":
        import ctypes

        below_normal = 0x4000
        ctypes.windll.kernel32.SetPriorityClass(ctypes.windll.kernel32.GetCurrentProcess(), below_normal)
    else:
        os.nice(5)

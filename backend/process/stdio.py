# SPDX-License-Identifier: GPL-3.0-or-later
"""Reserves standard input and output for frames, and ends the process with its parent."""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import BinaryIO

PR_SET_PDEATHSIG = 1


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

# SPDX-License-Identifier: GPL-3.0-or-later
"""Output of the command line: progress on standard error, the answer on standard output, one line for an error."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich import progress as bars
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from ..process import stdio
from ..process.failure import Failure
from ..runtime.progress import Progress, ProgressUpdate

EXIT_CODES = {
    "input": 2,
    "parameter": 2,
    "weights": 3,
    "memory": 4,
    "disk": 5,
    "cancelled": 130,
    "internal": 1,
    "environment": 1,
}


@contextmanager
def working(
    quiet: bool,
    tell: Callable[[ProgressUpdate], None] | None = None,
    can_stop: bool = False,
    folder: Path | None = None,
) -> Iterator[Progress]:
    """A Progress that draws a bar, unless `quiet`, or calls `tell`. folder: where checkpoints go.

    Ctrl+C cancels, and a second one ends the process. Where the work can stop early and still give a result, the first
    Ctrl+C asks for that, and the others follow.
    """
    stdio.claim_output()
    stopping, cancelled = threading.Event(), threading.Event()

    def interrupt(*_: object) -> None:
        if can_stop and not stopping.is_set():
            stopping.set()
            os.write(2, b"Stopping here; the result is kept. Press Ctrl+C again to cancel.\n")
        elif not cancelled.is_set():
            cancelled.set()
        else:
            os._exit(EXIT_CODES["cancelled"])

    before = signal.signal(signal.SIGINT, interrupt)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    try:
        console = Console(stderr=True)
        with bars.Progress(*columns, console=console, disable=quiet or not console.is_terminal) as bar:
            task = bar.add_task("Starting", total=1.0, left="")

            def show(step: ProgressUpdate) -> None:
                left = "" if step.eta_s is None else f"{step.eta_s:.0f} s left"
                bar.update(
                    task, description=f"{step.stage} {step.step}/{step.total}", completed=step.overall, left=left
                )

            yield Progress(tell or show, is_cancelled=cancelled.is_set, is_ending=stopping.is_set, folder=folder)
            bar.update(task, description="Done", completed=1.0, left="")
    finally:
        signal.signal(signal.SIGINT, before)


def answer(as_json: bool, facts: dict[str, Any], text: str = "") -> None:
    """The command's result on the real standard output: one JSON object for programs, a text for people."""
    line = json.dumps({"ok": True} | facts) if as_json else text
    write(line)


def write(line: str) -> None:
    """Print a line on the real standard output. A closed pipe, as in `| head`, is no error."""
    try:
        output = stdio.claim_output()
        output.write((line + "\n").encode())
        output.flush()
    except BrokenPipeError:
        pass


def complain(failure: Failure, as_json: bool) -> int:
    """Print a failure in one line and return the exit status."""
    if as_json:
        write(json.dumps({"ok": False, **vars(failure)}))
    else:
        print(" ".join(f"Error: {failure.message} {failure.remedy}".split()), file=sys.stderr)
    return EXIT_CODES[failure.kind]

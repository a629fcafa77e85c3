# SPDX-License-Identifier: GPL-3.0-or-later
"""Output of the command line: progress on standard error, the answer on standard output, one line for an error."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rich import progress as bars
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from ..interface.remarks import remarks
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
    known: Sequence[str] = (),
) -> Iterator[Progress]:
    """A Progress that draws a bar, unless `quiet`, or calls `tell`. folder: where checkpoints go. known: warnings
    that are known before the work.

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

            progress = Progress(tell or show, is_cancelled=cancelled.is_set, is_ending=stopping.is_set, folder=folder)
            progress.remarks += known
            yield progress
            bar.update(task, description="Done", completed=1.0, left="")
    finally:
        signal.signal(signal.SIGINT, before)


def answer(as_json: bool, facts: dict[str, Any], text: str = "") -> None:
    """The command's result on the real standard output: one JSON object for programs, a text for people."""
    line = json.dumps({"ok": True} | facts) if as_json else text
    write(line)


def answer_result(as_json: bool, report: dict[str, Any], facts: dict[str, Any], text: str) -> None:
    """The answer of a command that ran an engine: programs get its report, people what should be said of the result, on
    standard error."""
    answer(as_json, facts | {"report": report}, text)
    for remark in [] if as_json else remarks(report):
        say(remark)


def write(line: str) -> None:
    """Print a line on the real standard output, names of files byte by byte as the disk has them. A closed pipe, as in
    `| head`, is no error."""
    try:
        output = stdio.claim_output()
        output.write(encoded(line + "\n"))
        output.flush()
    except BrokenPipeError:
        pass


def encoded(text: str) -> bytes:
    """UTF-8 of any text; bytes of names that are none come out as they went in."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a character, which no file's name can hold
        return text.encode("utf-8", "replace")


def say(text: str) -> None:
    """Print a text on one line of standard error, if anybody can read it."""
    with suppress(OSError):
        print(" ".join(text.split()), file=sys.stderr, flush=True)


def complain(failure: Failure, as_json: bool) -> int:
    """Print a failure in one line and return the exit status."""
    if as_json:
        write(json.dumps({"ok": False, **vars(failure)}))
    else:
        say(f"Error: {failure.message} {failure.remedy}")
    return EXIT_CODES[failure.kind]

# SPDX-License-Identifier: GPL-3.0-or-later
"""A format to try, and the property that every input of it must have."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from backend.interface.errors import showable
from backend.process.failure import describe
from tests.fuzzing.walls import Walls

Files = Mapping[str, bytes]  # the content of files by their path in the input's folder
LONGEST = 1000  # characters of a sentence for people


class Finding(AssertionError):
    """A reader did with an input what no reader may do."""


@dataclass(frozen=True)
class Format:
    """make(random numbers): the files of one damaged or hostile input. read(folder): reads it and asserts that the
    value is valid. refusals: the product's own errors. prepare(folder): writes the sound files beside, once. memory:
    bytes by which the process may grow. is_shown: whether people read the refusal."""

    name: str
    make: Callable[[Random], Files]
    read: Callable[[Path], object]
    refusals: tuple[type[Exception], ...]
    prepare: Callable[[Path], None] | None = None
    memory: int = 1 << 28
    is_shown: bool = True


def check(chosen: Format, files: Files, folder: Path, walls: Walls) -> str:
    """Whether the input was "read" or "refused". Raises Finding otherwise: for another exception, an invalid value, a
    refusal without a sentence, a way out of the folder, too much memory or time."""
    kept = {name: (folder / name).read_bytes() for name in files if (folder / name).is_file()}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    outcome = "read"
    try:
        with walls.around(folder, chosen.memory):
            chosen.read(folder)
    except chosen.refusals as error:
        outcome = "refused"
        if chosen.is_shown:
            check_sentence(error)
    except Exception as error:
        raise Finding(f"{type(error).__name__}: {error}"[:LONGEST]) from error
    finally:
        for name in files:
            (folder / name).unlink(missing_ok=True)
        for name, data in kept.items():
            (folder / name).write_bytes(data)
    if walls.broken:
        raise Finding("; ".join(walls.broken))
    return outcome


def check_sentence(error: Exception) -> None:
    """Finding unless the failure has a kind of its own, and message and remedy that can be read on one line."""
    failure = describe(error)
    if failure.kind in ("internal", "memory") or not failure.message or not failure.remedy:
        raise Finding(f"a failure of kind {failure.kind!r} with {failure.message!r} and {failure.remedy!r}") from error
    for text in (failure.message, failure.remedy):
        if len(text) > LONGEST or showable(text) != text:
            raise Finding(f"a sentence that cannot be read: {text[:LONGEST]!r}") from error


def fresh_folder(chosen: Format, folder: Path) -> Path:
    """The folder of a format's inputs, with the sound files in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if chosen.prepare:
        chosen.prepare(folder)
    return folder

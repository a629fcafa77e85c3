# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are written whole or not at all, their names, and JSON from files and other programs, which may hold
anything."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import Any

PART = ".part"  # ends the name of a file or folder that is not complete
LONGEST_NAME = 255  # bytes of a file's name on most disks
LONG_PATH = 200  # bytes, from which on a path may be near a limit
WRITING_S = 3600.0  # no file takes longer to write
LARGEST_JSON = 1 << 24  # bytes; tokenizers take a few million of them


def expand(path: str) -> Path:
    """A path whose ~ or ~name stands for a user's home folder; as it is where no such home is known."""
    return Path(os.path.expanduser(path))


def write_whole(path: Path, data: bytes | Callable[[Path], object]) -> None:
    """Write a file under a temporary name beside it, flush it to the disk and rename it, so that nobody finds half of
    it, not even after a power cut.

    data: the bytes, or a function that writes them to the path that it is given. An existing file stays as it was
    unless the new one is complete; the temporary file is removed on failure. If the process is killed meanwhile, the
    next writing of that file an hour later removes it. Raises OSError, and whatever `data` does.
    """
    temporary = temporary_beside(path)
    try:
        if callable(data):
            data(temporary)
        else:
            temporary.write_bytes(data)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        remove_interrupted(path, temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def temporary_beside(path: Path) -> Path:
    """A new name in the path's folder, begun with the path's own if there is room, and valid wherever that is."""
    tail = f"{os.urandom(4).hex()}{PART}"
    name = f".{path.name}.{tail}"
    if len(os.fsencode(path.with_name(name))) < LONG_PATH and len(os.fsencode(name)) <= LONGEST_NAME:
        return path.with_name(name)
    return path.with_name(f".{tail}"[: max(len(os.fsencode(path.name)), 5)])


def remove_interrupted(path: Path, newest: Path) -> None:
    """Remove the temporary files of `path` that are another hour's than the newest, whatever the clock says."""
    now = newest.stat().st_mtime
    for old in path.parent.glob(f".{escape(path.name)}.*{PART}"):
        with suppress(OSError):  # somebody else removes it too
            if abs(now - old.stat().st_mtime) > WRITING_S:
                old.unlink()


def shortened(name: str, longest: int = LONGEST_NAME) -> str:
    """A file's name of at most `longest` bytes: one that is longer ends in a checksum of the whole."""
    if len(os.fsencode(name)) <= longest:
        return name
    checksum = f"-{zlib.crc32(os.fsencode(name)):08x}"
    while len(os.fsencode(name)) > longest - len(checksum):
        name = name[:-1]
    return name + checksum


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, which the system releases if the process dies. BlockingIOError if it is taken. On a
    disk that has no locks everybody gets it."""
    with path.open("a+b") as file:
        try:
            if os.name == "nt":
                import msvcrt

                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # pyright: ignore[reportAttributeAccessIssue]
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            raise BlockingIOError(error.errno, f"{path} is taken") from None
        except OSError:
            pass
        yield


def read_json(path: Path, largest: int = LARGEST_JSON) -> dict[str, Any] | None:
    """The object in a JSON file, None if it is missing, larger than `largest` bytes, broken, or no object."""
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError:
        return None
    return parse_json(content) if len(content) <= largest else None


def parse_json(content: str | bytes) -> dict[str, Any] | None:
    """The JSON object in a text, None if it is broken or no object."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None

# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are written whole or not at all, and JSON from files and other programs, which may hold anything."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

PART = ".part"  # ends the name of a file or folder that is not complete
LARGEST_JSON = 1 << 24  # bytes; tokenizers take a few million of them


def write_whole(path: Path, data: bytes | Callable[[Path], object]) -> None:
    """Write a file under a temporary name beside it, flush it to the disk and rename it, so that nobody finds half of
    it, not even after a power cut.

    data: the bytes, or a function that writes them to the path that it is given. An existing file stays as it was
    unless the new one is complete; the temporary file is removed on failure. Raises OSError, and whatever `data` does.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{PART}")
    try:
        if callable(data):
            data(temporary)
        else:
            temporary.write_bytes(data)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


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

# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are written whole or not at all, and JSON files that may be broken."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

PART = ".part"  # ends the name of a file or folder that is not complete
LARGEST_JSON = 1 << 24  # bytes; tokenizers take a few million of them


def write_whole(path: Path, data: bytes | Callable[[Path], object]) -> None:
    """Write a file under a temporary name beside it and rename it, so that nobody finds half of it.

    data: the bytes, or a function that writes them to the path that it is given. An existing file stays as it was
    unless the new one is complete; the temporary file is removed on failure. Raises OSError, and whatever `data` does.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{PART}")
    try:
        if callable(data):
            data(temporary)
        else:
            temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_json(path: Path, largest: int = LARGEST_JSON) -> dict[str, Any] | None:
    """The object in a JSON file, None if it is missing, larger than `largest` bytes, broken, or no object."""
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
        value = json.loads(content) if len(content) <= largest else None
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None

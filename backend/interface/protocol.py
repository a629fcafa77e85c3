# SPDX-License-Identifier: GPL-3.0-or-later
"""The frames that travel between the add-on and the backend, and how the backend is started.

A frame is one line of JSON, {"type": ..., "attachments": [{"name": ..., "size": ...}]}, and the attachments' bytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, BinaryIO

PROTOCOL = 1
MAX_LINE = 1 << 20  # bytes of the JSON line, line end included
MAX_BYTES = 2 << 30  # bytes of all attachments of one frame
MAX_ATTACHMENTS = 64
CHUNK = 1 << 20
HEARTBEAT_S = 5.0
FAILURES = ("input", "parameter", "weights", "memory", "cancelled", "disk", "internal", "environment")

Message = dict[str, Any]
Attachments = dict[str, bytes]

# The model libraries stay offline, because only the user starts downloads, and draw no progress bars of their own.
SETTINGS = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_SYMLINKS_WARNING": "1",
    "PYTORCH_ENABLE_MPS_FALLBACK": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
}
ENTRY = (
    "import sys, runpy; sys.path.insert(0, sys.argv.pop(1)); "
    "runpy.run_module('backend', run_name='__main__', alter_sys=True)"
)


class FrameError(ValueError):
    """The bytes are not a frame. Where the next frame begins is unknown, so the stream is of no more use."""


def write_frame(stream: BinaryIO, message: Message, attachments: Mapping[str, bytes] | None = None) -> None:
    """Write one frame and flush; FrameError when it is larger than a reader accepts. Threads must take turns."""
    attachments = attachments or {}
    listed = [{"name": name, "size": len(data)} for name, data in attachments.items()]
    line = json.dumps({**message, "attachments": listed}, allow_nan=False).encode() + b"\n"
    check_sizes(line, message.get("type"), listed)
    stream.write(line)
    stream.writelines(attachments.values())
    stream.flush()


def read_frame(stream: BinaryIO) -> tuple[Message, Attachments] | None:
    """Read one frame, None at the end of the stream; FrameError on anything else."""
    line = stream.readline(MAX_LINE + 1)
    if not line:
        return None
    message = parse_line(line)
    listed = message.pop("attachments", [])
    check_sizes(line, message.get("type"), listed)
    return message, {item["name"]: read_exactly(stream, item["size"]) for item in listed}


def parse_line(line: bytes) -> Message:
    """The JSON object of a frame's first line."""
    if len(line) > MAX_LINE or not line.endswith(b"\n"):
        raise FrameError(f"A frame's line is cut off or longer than {MAX_LINE} bytes: {line[:60]!r}")
    try:
        message = json.loads(line.decode("utf-8"), parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"Not a frame: {line[:60]!r} ({error})") from None
    if not isinstance(message, dict):
        raise FrameError(f"Not a frame: {line[:60]!r}")
    return message


def refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python reads but JSON does not have."""
    raise ValueError(f"{name} is not JSON")


def check_sizes(line: bytes, kind: object, listed: Any) -> None:
    """Raise FrameError unless the type is a text, the line is short and the listed attachments are well-formed."""
    if len(line) > MAX_LINE:
        raise FrameError(f"A frame's line has {len(line)} bytes; at most {MAX_LINE} are allowed.")
    if not isinstance(kind, str):
        raise FrameError("A frame has no type.")
    if not isinstance(listed, list) or len(listed) > MAX_ATTACHMENTS:
        raise FrameError("A frame's list of attachments is malformed or too long.")
    for item in listed:
        good = isinstance(item, dict) and isinstance(item.get("name"), str) and type(item.get("size")) is int
        if not good or item["size"] < 0:
            raise FrameError(f"An attachment is malformed: {str(item)[:60]}")
    if len({item["name"] for item in listed}) < len(listed):
        raise FrameError("Two attachments have the same name.")
    if sum(item["size"] for item in listed) > MAX_BYTES:
        raise FrameError(f"A frame announces more than {MAX_BYTES} bytes.")


def read_exactly(stream: BinaryIO, size: int) -> bytes:
    """Exactly `size` bytes, read in pieces so that a false size costs no memory; FrameError at an early end."""
    pieces, missing = [], size
    while missing:
        piece = stream.read(min(missing, CHUNK))
        if not piece:
            raise FrameError(f"The stream ended {missing} bytes before the end of a frame.")
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def command(python: str | os.PathLike, root: str | os.PathLike, *arguments: str) -> list[str]:
    """The argument list that runs the backend whose package lies in `root`, without the user's Python settings."""
    return [os.fspath(python), "-I", "-u", "-X", "utf8", "-c", ENTRY, os.fspath(root), *arguments]


def environment(base: Mapping[str, str]) -> dict[str, str]:
    """The backend's environment variables: `base` (os.environ) without what breaks torch or another Python.

    Blender, Steam and Qt set library paths for themselves.
    """
    dropped = ("PYTHON", "DYLD_", "QT_", "STEAM_", "VIRTUAL_ENV", "CONDA_", "LD_LIBRARY_PATH", "LD_PRELOAD", "LD_AUDIT")
    kept = {name: value for name, value in base.items() if not name.upper().startswith(dropped)}
    if (os.cpu_count() or 1) >= 4:  # one core stays free for Blender's window
        kept.setdefault("OMP_NUM_THREADS", str((os.cpu_count() or 4) - 1))
    return kept | SETTINGS

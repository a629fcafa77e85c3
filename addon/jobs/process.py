# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend process as Blender holds it: two threads, two queues, and nothing that makes the caller wait."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from ...backend.interface import protocol
from ..base import arrays
from ..base.trouble import Trouble

LOG_BYTES = 4 << 20  # a longer log is set aside as *.old when the next process starts
SET_UP = "Set up the backend again in the preferences"
LAST_WORDS_S = 0.5
NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)

Attachments = Callable[[], dict[str, bytes]]


@dataclass(frozen=True)
class Launch:
    """The command that starts the backend, with its environment and folders."""

    command: list[str]
    environment: dict[str, str]
    folder: Path  # working folder: not the extension's, which Windows could not remove then
    log: Path


class Process:
    """One backend process. `inbox` gives its messages, decoded; the last one is `{"type": "ended", "reason": ...}`.

    prepare() is called in a thread and says how to start it, or raises Trouble. Starting, reading, decoding and
    writing happen in threads, so that no pipe, disk or array holds Blender.
    """

    def __init__(self, prepare: Callable[[], Launch]):
        self.prepare = prepare
        self.inbox: queue.SimpleQueue[dict] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[tuple[dict, Attachments]] = queue.SimpleQueue()
        self._popen: subprocess.Popen[bytes] | None = None
        self._killed = False
        self._reader = threading.Thread(target=self._run, name="Image to Mesh reader", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int | None:
        return self._popen.pid if self._popen else None

    def send(self, message: dict, attachments: Attachments = dict) -> None:
        """Queue a message; `attachments` is called in the writer thread, where reading a file may take its time."""
        self._outbox.put((message, attachments))

    def kill(self) -> None:
        """End the process and its children at once. Safe from any thread, at any time, more than once."""
        self._killed = True
        if self._popen and self._popen.poll() is None:
            end_group(self._popen)

    def close(self, timeout: float) -> None:
        """Kill and wait until the process is gone, so that its files can be removed."""
        self.kill()
        self._reader.join(timeout)

    def _run(self) -> None:
        ended = {"type": "ended"}
        try:
            ended["reason"] = self._converse(self.prepare())
        except Trouble as trouble:
            ended.update(reason=trouble.message, remedy=trouble.remedy, kind=trouble.kind)
        except OSError as error:
            ended.update(reason=f"The backend could not be started: {error}", remedy=SET_UP, kind="environment")
        except Exception as error:  # such as no memory for a message: the thread's end would be seen by nobody
            ended["reason"] = f"The connection to the backend failed: {error!r}"
        self.kill()
        self.inbox.put(ended)

    def _converse(self, launch: Launch) -> str:
        """Start the process, read until it ends, and return why it ended."""
        with open_log(launch.log) as log:
            self._popen = popen = start(launch, log)
        if self._killed:  # between the two lines above
            end_group(popen)
        threading.Thread(target=self._write, args=(popen,), name="Image to Mesh writer", daemon=True).start()
        stdout, garbage = cast(BinaryIO, popen.stdout), ""
        try:
            while (frame := protocol.read_frame(stdout)) is not None:
                self.inbox.put(decode(*frame))
        except (protocol.FrameError, ValueError, OSError) as error:
            garbage = f"The backend sent an invalid message: {error}"
            with contextlib.suppress(subprocess.TimeoutExpired):  # half a frame may be the last word of a process
                garbage = describe_exit(code) if (code := popen.wait(LAST_WORDS_S)) < 0 else garbage
        end_group(popen)  # even if it has ended: its children may go on
        code = popen.wait()
        self._outbox.put(({}, dict))  # wakes the writer, whose pipe is gone
        stdout.close()
        return garbage or describe_exit(code)

    def _write(self, popen: subprocess.Popen[bytes]) -> None:
        while popen.poll() is None:
            try:
                message, attachments = self._outbox.get(timeout=protocol.HEARTBEAT_S)
            except queue.Empty:
                message, attachments = {"type": "heartbeat"}, dict
            try:
                data = attachments()
            except OSError as error:
                self.inbox.put(unreadable(message, error))
                continue
            try:
                protocol.write_frame(cast(BinaryIO, popen.stdin), message, data)
            except (OSError, ValueError):
                return  # the process is gone, and the reader says so


def unreadable(message: dict, error: OSError) -> dict:
    """The failure of a job, or the answer to a look, whose input file can no longer be read."""
    words = f"The image cannot be read: {error.strerror or error}"
    asked = (
        {"type": "look"} if message.get("type") == "look" else {"type": "failure", "remedy": "Choose the image again"}
    )
    return asked | {"look": message.get("look"), "job": message.get("job"), "kind": "input", "message": words}


def decode(message: dict, attachments: dict[str, bytes]) -> dict:
    """The message with arrays instead of npz bytes: `mesh` MeshArrays, `sheet` and `picture` uint8
    (H, W, 4). Reader thread."""
    if message.get("type") == "preview" and "mesh" in attachments:
        message["mesh"] = arrays.decode_mesh(attachments["mesh"])
    if message.get("type") == "result":
        message["mesh"] = arrays.decode_mesh(attachments.get("mesh", b""))
    if message.get("type") == "picture":
        message["images"] = [data for _, data in sorted(attachments.items())]
    if message.get("type") == "look" and "views" in attachments:
        message["picture"] = arrays.decode_views(attachments["views"])[0]
    elif "views" in attachments:
        message["sheet"] = arrays.contact_sheet(arrays.decode_views(attachments["views"]))
    return message


def start(launch: Launch, log: BinaryIO) -> subprocess.Popen[bytes]:
    """Start the backend in a process group of its own, without a console window.

    On Linux the backend asks the kernel itself to die with us (PR_SET_PDEATHSIG): a preexec_fn is unsafe with threads.
    """
    return subprocess.Popen(
        launch.command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        cwd=launch.folder,
        env=launch.environment,
        start_new_session=os.name != "nt",
        creationflags=NO_WINDOW,
    )


def open_log(path: Path) -> BinaryIO:
    """Open the log for appending, the old one set aside when it has grown long. Where the disk takes no log, there is
    none: that must not keep the backend from starting."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > LOG_BYTES:
            os.replace(path, path.with_suffix(".old"))
        return path.open("ab")
    except OSError:
        return open(os.devnull, "ab")


def end_group(popen: subprocess.Popen[bytes]) -> None:
    """Kill the process and whatever it started."""
    if os.name == "nt":
        popen.kill()
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group that has ended
        os.killpg(popen.pid, signal.SIGKILL)


def describe_exit(code: int) -> str:
    """A sentence about an exit status of Popen."""
    if code == -9:
        return "The backend was killed, probably because memory ran out"
    if code < 0:
        return f"The backend crashed with signal {-code}"
    return f"The backend ended with status {code}"

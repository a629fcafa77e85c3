# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the pinned packages of pyproject.toml and runs pip so that it can be stopped. Standard library only."""

from __future__ import annotations

import contextlib
import hashlib
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ..protocol import environment

ASK_AGAIN_S = 0.2
PIP = ["-I", "-X", "utf8", "-m", "pip", "--disable-pip-version-check", "--no-input"]
# Settings of the user's pip that would send the packages elsewhere than into our environment.
MISLEADING = ("PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV", "PIP_NO_BINARY")
TROUBLE = (  # (words in pip's output, message, remedy)
    (("No space left", "Errno 28", "not enough space"), "The disk is full", "Free some space and set up again"),
    (
        ("No matching distribution", "Could not find a version"),
        "A package does not exist for this Python or system",
        "Install Python 3.12 (64 bit), or another from 3.11 to 3.14, name it in the preferences, and set up again",
    ),
    (
        ("Connection", "timed out", "Temporary failure", "Max retries", "SSLError", "ProxyError", "getaddrinfo"),
        "The packages cannot be downloaded",
        "Check the connection, or the proxy, and set up again: what is downloaded already is kept",
    ),
    (
        ("DO NOT MATCH THE HASHES",),
        "A package is not the one that was published",
        "Set up again, or ask who runs the index",
    ),
    (("Permission", "Access is denied"), "A file cannot be written", "Close other Blenders and set up again"),
)

Say = Callable[[str], None]
Stopped = Callable[[], bool]


class SetupError(Exception):
    """The environment cannot be made or used; `remedy` says what to do. Both are written for an artist."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message, self.remedy = message, remedy


def pins(source: Path, group: str) -> list[str]:
    """The exact requirements of one of the dependency groups in source/pyproject.toml."""
    return list(project(source)["dependency-groups"][group])


def constraints(source: Path) -> list[str]:
    """The exact versions of the pinned packages' own dependencies."""
    return list(project(source)["tool"]["uv"]["constraint-dependencies"])


def digest(source: Path, group: str) -> str:
    """A short text that changes with the pins of the group."""
    return hashlib.sha256("\n".join(pins(source, group) + constraints(source)).encode()).hexdigest()[:16]


def project(source: Path) -> dict:
    """pyproject.toml as a dict."""
    import tomllib  # late: Blender's start imports this file

    with (source / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


def install(python: Path, arguments: list[str], say: Say, stopped: Stopped) -> None:
    """pip install, wheels only, into the environment of `python`. SetupError gives the reason from pip's output."""
    command = [str(python), *PIP, "install", "--only-binary=:all:", "--no-warn-script-location", *arguments]
    run(command, say, stopped)


def run(command: list[str], say: Say, stopped: Stopped) -> None:
    """Run a command and pass its output line by line to say(); kill it when stopped() is true. Raises SetupError."""
    lines: list[str] = []
    for line in follow(command, stopped):
        lines.append(line)
        say(line)
    status = lines.pop()
    if status != "0":
        raise explain(lines)


def follow(command: list[str], stopped: Stopped, more: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield a command's output line by line, then its exit status as a text. more: environment variables."""
    base = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=environment(base) | dict(more or {}),
        start_new_session=os.name != "nt",
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    output: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    reader = threading.Thread(target=read, args=(process, output), daemon=True)
    reader.start()
    try:
        while True:
            if stopped():
                raise SetupError("Stopped", "Set up again to continue")
            with contextlib.suppress(queue.Empty):
                if (line := output.get(timeout=ASK_AGAIN_S)) is None:
                    break
                yield line
        yield str(process.wait())
    finally:
        end(process)
        reader.join(5)


def read(process: subprocess.Popen[str], output: queue.SimpleQueue[str | None]) -> None:
    assert process.stdout
    with process.stdout:
        for line in process.stdout:
            if line := line.strip():
                output.put(line)
    output.put(None)


def end(process: subprocess.Popen[str]) -> None:
    """Kill a process and its children, if it still runs."""
    if process.poll() is None:
        with contextlib.suppress(OSError):
            process.kill() if os.name == "nt" else os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def explain(lines: list[str]) -> SetupError:
    """The error in pip's output, in words for an artist."""
    text = "\n".join(lines[-60:])
    last = next((line for line in reversed(lines) if "ERROR" in line), lines[-1] if lines else "no output")
    for words, what, remedy in TROUBLE:
        if any(word in text for word in words):
            return SetupError(f"{what}: {last.removeprefix('ERROR: ')[:300]}", remedy)
    return SetupError(f"A package could not be installed: {last[:300]}", "Set up again; the log has more")

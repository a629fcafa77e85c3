# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds a Python on this machine to make an environment from. Standard library only."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

VERSIONS = ((3, 12), (3, 11), (3, 13), (3, 14))  # best first: the newest is the last to get wheels of everything
PROBE = "import ensurepip, json, ssl, sys, venv; print(json.dumps([*sys.version_info[:2], sys.maxsize > 2**32]))"
PROBE_S = 60
NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)


def can_make(python: str | os.PathLike, versions: Iterable[tuple[int, int]] = VERSIONS) -> bool:
    """Whether an interpreter starts, is a 64-bit Python of a supported version, and can make environments.

    Debian's own lacks ensurepip, pyenv's shims do not start, and the Microsoft Store's stub opens a shop.
    """
    try:
        answer = subprocess.run(
            [os.fspath(python), "-I", "-c", PROBE],
            capture_output=True,
            text=True,
            timeout=PROBE_S,
            creationflags=NO_WINDOW,
        )
        major, minor, is_64_bit = json.loads(answer.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return False
    return answer.returncode == 0 and is_64_bit and (major, minor) in set(versions)


def find(versions: Iterable[tuple[int, int]] = VERSIONS) -> Path | None:
    """The best Python for an environment; the running one, which may be Blender's, only if there is no other."""
    wanted = list(versions)
    return next((path for path in candidates(wanted) if can_make(path, wanted)), None)


def candidates(versions: list[tuple[int, int]]) -> Iterator[Path]:
    """Usual places of Pythons, best first, the running one last."""
    for major, minor in versions:
        name = f"python{major}.{minor}"
        for folder in os.environ.get("PATH", "").split(os.pathsep):
            if found := shutil.which(name, path=folder):
                yield Path(found)
        yield from sorted(Path.home().glob(f".pyenv/versions/{major}.{minor}.*/bin/{name}"), reverse=True)
        yield Path(f"/opt/homebrew/bin/{name}")
        if local := os.environ.get("LOCALAPPDATA"):
            yield Path(local, "Programs", "Python", f"Python{major}{minor}", "python.exe")
    for name in ("python3", "python"):
        if found := shutil.which(name):
            yield Path(found)
    yield Path(sys.executable)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds a Blender that is installed on this machine. Standard library only."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

OLDEST = (4, 2)
PROBE_S = 120  # the first start after an update may take long


def find() -> Path | None:
    """The first of the usual places that holds a Blender of version OLDEST or newer."""
    return next((path for path in candidates() if is_new_enough(path)), None)


def is_new_enough(blender: Path) -> bool:
    """Whether the program starts and says that it is a Blender of version OLDEST or newer."""
    try:
        done = subprocess.run(
            [blender, "--background", "--version"], capture_output=True, text=True, errors="replace", timeout=PROBE_S
        )
    except (OSError, subprocess.SubprocessError):
        return False
    found = re.search(r"^Blender (\d+)\.(\d+)", done.stdout, re.MULTILINE)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST


def candidates() -> Iterator[Path]:
    """Where Blenders usually are: on PATH, then where each system's installer puts them, the newest first."""
    if found := shutil.which("blender"):
        yield Path(found)
    if os.name == "nt":
        folders = [Path(os.environ.get("PROGRAMFILES", "")), Path(os.environ.get("PROGRAMFILES(X86)", ""))]
        patterns = ("Blender Foundation/Blender */blender.exe", "Steam/steamapps/common/Blender/blender.exe")
    elif sys.platform == "darwin":
        folders = [Path("/Applications"), Path.home() / "Applications"]
        patterns = ("Blender*.app/Contents/MacOS/Blender",)
    else:
        folders = [Path("/opt"), Path("/usr/local"), Path("/snap/bin"), Path.home(), Path.home() / ".local"]
        patterns = ("blender*/blender", "blender")
    for folder in folders:
        for pattern in patterns:
            found = sorted(folder.glob(pattern), key=numbers, reverse=True)
            yield from (path for path in found if path.is_file())


def numbers(path: Path) -> list[int]:
    """The numbers in a path, so that 4.10 sorts after 4.9."""
    return [int(number) for number in re.findall(r"\d+", str(path))]

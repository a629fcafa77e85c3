# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend with a disk that fails or with clocks that jump. The product itself knows nothing of this.

python runner.py ROOT disk FOLDER CONTROL serve JOBS
python runner.py ROOT disk FOLDER CONTROL download SET.json
python runner.py ROOT clocks SEED serve JOBS
"""

from __future__ import annotations

import builtins
import errno
import io
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

WRITING = set("wax+")


class Disk:
    """Counts writes to a folder, and lets those fail that the file CONTROL names:
    {"at": number, "error": name, "once": bool}. A changed file begins a new count. CONTROL.count has the count."""

    def __init__(self, folder: str, control: Path) -> None:
        self.folder, self.control, self.count = folder, control, 0
        self.told: dict[str, Any] = {}
        self.changed = 0
        self.real = io.open
        self.counter = os.open(f"{control}.count", os.O_CREAT | os.O_WRONLY, 0o600)

    def holds(self, path: Any) -> bool:
        return isinstance(path, (str, os.PathLike)) and os.fspath(path).startswith(self.folder)

    def touch(self, path: Any) -> None:
        """One more write. OSError if it is one that fails."""
        changed = self.control.stat().st_mtime_ns
        if changed != self.changed:
            with self.real(self.control) as file:
                self.told, self.changed, self.count = json.load(file), changed, 0
        self.count += 1
        os.pwrite(self.counter, f"{self.count:<10}".encode(), 0)
        at = self.told["at"]
        if self.count == at or (self.count > at and not self.told["once"]):
            number = getattr(errno, self.told["error"])
            raise OSError(number, os.strerror(number), os.fspath(path))

    def open(self, file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, *more, **options):
        """As builtins.open."""
        if not (self.holds(file) and WRITING & set(mode)):
            return self.real(file, mode, buffering, encoding, errors, newline, *more, **options)
        self.touch(file)
        raw = RawFile(os.fspath(file), mode.replace("b", "").replace("t", ""))
        raw.disk = self
        if buffering == 0:
            return raw
        whole = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return whole if "b" in mode else io.TextIOWrapper(whole, encoding, errors, newline)

    def install(self) -> None:
        builtins.open = io.open = self.open
        for name in ("mkdir", "replace", "rename"):
            setattr(os, name, self.counted(getattr(os, name)))

    def counted(self, real: Any) -> Any:
        def call(path: Any, *more: Any, **options: Any) -> Any:
            if self.holds(path):
                self.touch(path)
            return real(path, *more, **options)

        return call


class RawFile(io.FileIO):
    disk: Disk

    def write(self, data: Any, /) -> int:
        self.disk.touch(str(self.name))
        return super().write(data)


def let_clocks_jump(seed: str) -> None:
    """The time of day jumps to and fro by up to days at every look; the monotonic clock jumps ahead by hours, as where
    a computer slept."""
    dice, day, real, ahead = random.Random(seed), time.time, time.monotonic, 0.0

    def monotonic() -> float:
        nonlocal ahead
        ahead += dice.choice((60.0, 8 * 3600.0)) if dice.random() < 0.01 else 0.0
        return real() + ahead

    time.time = lambda: day() + dice.choice((0.0, -400, -1, 1, 3, 4000)) * 86_400
    time.monotonic = monotonic


def main(root: str, fault: str, *arguments: str) -> None:
    sys.path.insert(0, root)
    if fault == "disk":
        folder, control, *rest = arguments
        Disk(folder, Path(control)).install()
    else:
        seed, *rest = arguments
        let_clocks_jump(seed)
    what, jobs = rest
    if what == "serve":
        from backend.process.server import main as serve

        serve(Path(jobs))
    from backend import __main__
    from backend.interface import catalog
    from backend.weights.store import download

    download.PAUSE_S = 0.0
    catalog.WEIGHTS = (*catalog.WEIGHTS, catalog.Weights(**read_weights(Path(jobs))))
    sys.exit(__main__.main(["models", "download", "test", "--json"]))


def read_weights(path: Path) -> dict[str, Any]:
    """The fields of a set of weights in a JSON file."""
    from backend.interface.catalog import File

    fields = json.loads(path.read_text())
    return fields | {"files": tuple(File(**file) for file in fields["files"])}


if __name__ == "__main__":
    main(*sys.argv[1:])

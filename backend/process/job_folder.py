# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder that keeps a job: its request, its inputs, its log and its result."""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..interface.errors import remedy_for
from ..interface.files import write_whole


class FolderError(Exception):
    """The folder of a job cannot be written; `remedy` fits the system's reason."""

    kind = "disk"

    def __init__(self, folder: Path, error: OSError) -> None:
        self.remedy = remedy_for(error)
        super().__init__(f"The job's folder {folder} cannot be written: {error.strerror or error}.")
        if isinstance(error, FileExistsError) and folder.is_dir():  # of another Blender with the same data folder
            self.remedy = "Try again."


class JobFolder:
    """request.json, the inputs, log.txt, views.npz, report.json, and result.npz last; or picture.png and more.

    A result.npz is always whole: whoever finds one can import it. Other users of the machine cannot look into the
    folder. All but `log` raise FolderError.
    """

    def __init__(self, root: Path, job: str) -> None:
        self.path = root / job
        self._started = time.monotonic()
        try:
            self.path.mkdir(0o700, parents=True)
        except OSError as error:
            raise FolderError(self.path, error) from error

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole or not at all."""
        try:
            write_whole(self.path / name, data)
        except OSError as error:
            raise FolderError(self.path, error) from error

    def write_json(self, name: str, value: Any) -> None:
        """Write a value as JSON."""
        self.write(name, json.dumps(value, indent=1).encode())

    def write_result(self, packed: Mapping[str, bytes], facts: dict[str, Any]) -> None:
        """Write a result as codec.pack_result gives it."""
        if "mesh" in packed:
            self.write("views.npz", packed["views"])
            self.write_json("report.json", facts)
            self.write("result.npz", packed["mesh"])
        else:
            for name, data in packed.items():
                self.write(name.replace("image_file", "picture") + ".png", data)

    def log(self, text: str) -> None:
        """Add a line to log.txt. A full disk must not end the job for a line in a log."""
        try:
            with open(self.path / "log.txt", "a", encoding="utf-8") as file:
                file.write(f"{time.monotonic() - self._started:8.1f} s  {text}\n")
        except OSError:
            print(text, file=sys.stderr)

    def log_error(self, error: BaseException) -> None:
        """Add a traceback to log.txt."""
        self.log("".join(traceback.format_exception(error)))

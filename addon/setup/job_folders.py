# SPDX-License-Identifier: GPL-3.0-or-later
"""The folders that jobs leave in the data folder: which can be imported, resumed or removed."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from ...backend.interface.files import read_json

REQUEST, REPORT, RESULT, CHECKPOINT = "request.json", "report.json", "result.npz", "state.pt"
PICTURE = "picture.png"  # the first image of a job that makes images
THUMBNAIL = "thumbnail.png"
IMPORTED = "imported"  # empty file: the result is in a scene
DAY_S = 86_400


def unimported(jobs: Path) -> list[Path]:
    """Folders with a mesh that was not imported, newest first (their names begin with the date)."""
    results = jobs.glob(f"*/{RESULT}") if jobs.is_dir() else ()
    return sorted((result.parent for result in results if not is_imported(result.parent)), reverse=True)


def resumable(jobs: Path) -> list[Path]:
    """Folders of jobs that ended without a result and left a checkpoint, newest first.

    A job that another one has resumed is left out: the other has its checkpoint, or a later one.
    """
    begun = [path.parent for path in jobs.glob(f"*/{CHECKPOINT}")] if jobs.is_dir() else []
    requests = {folder: read(folder / REQUEST) for folder in begun}
    resumed = {request.get("resume") for request in requests.values()}
    return sorted((f for f in begun if requests[f] and f.name not in resumed and not has_result(f)), reverse=True)


def name_of(request: dict) -> str:
    """The name that a job's request gives its object."""
    return str(request.get("name") or "Mesh")


def describe(folder: Path) -> str:
    """A job in a menu: its name, when it began, and its faces, as far as they are known."""
    words = [name_of(read(folder / REQUEST))]
    with contextlib.suppress(ValueError):
        began = time.strptime(folder.name[:15], "%Y%m%d-%H%M%S")
        words.append(time.strftime("%H:%M" if began[:3] == time.localtime()[:3] else "%d %b %H:%M", began))
    faces = read(folder / REPORT).get("faces")
    return ", ".join(words + ([f"{faces:,} faces"] if isinstance(faces, int) else []))


def removable(jobs: Path) -> list[Path]:
    """Folders that nobody needs: of imported jobs, and of jobs that ended without a result more than a day ago."""
    if not jobs.is_dir():
        return []
    return [folder for folder in jobs.iterdir() if folder.is_dir() and (is_imported(folder) or is_abandoned(folder))]


def is_imported(folder: Path) -> bool:
    return (folder / IMPORTED).exists()


def has_result(folder: Path) -> bool:
    return any((folder / name).exists() for name in (RESULT, PICTURE, IMPORTED))


def is_abandoned(folder: Path) -> bool:
    """Whether a job has no result and is a day old. Another Blender may be at work on a younger one."""
    return not (folder / RESULT).exists() and time.time() - folder.stat().st_mtime > DAY_S


def mark_imported(folder: str) -> None:
    """Note that a job's result is in a scene. If that fails, the job is offered again."""
    if folder:
        with contextlib.suppress(OSError):
            (Path(folder) / IMPORTED).touch()


def read(path: Path) -> dict:
    """The JSON object in a file, or an empty dict."""
    return read_json(path) or {}

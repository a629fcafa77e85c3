# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs that lie finished on disk and are in no scene: Blender was closed, crashed, or had another file open."""

from __future__ import annotations

import json
import time
from pathlib import Path

import bpy

from .. import session
from ..base import arrays
from ..base.preferences import preferences
from ..base.trouble import Trouble
from ..setup import environment
from .job import Job, State

NOTHING = "NONE"
SHOWN = 30
DAY_S = 86_400

_items: list[tuple[str, str, str]] = []  # Blender keeps no reference to these strings


def items(_self, _context) -> list[tuple[str, str, str]]:
    """The menu's entries, newest first. Called when the menu opens."""
    folders = unimported(session.jobs_folder(environment.chosen(preferences()).data_folder))
    _items[:] = [(folder.name, folder.name, str(folder)) for folder in folders[:SHOWN]]
    return _items or [(NOTHING, "Nothing Is Waiting", "Every finished mesh has been imported")]


def unimported(folder: Path) -> list[Path]:
    """Job folders with a result that was not imported, newest first (their names begin with the date)."""
    results = folder.glob("*/result.npz") if folder.is_dir() else ()
    return sorted((r.parent for r in results if not (r.parent / "imported").exists()), reverse=True)


def idle(folder: Path) -> list[Path]:
    """Job folders that nobody misses: imported ones, and those that ended without a result more than a day ago."""
    if not folder.is_dir():
        return []
    return [job for job in folder.iterdir() if job.is_dir() and ((job / "imported").exists() or is_left_over(job))]


def is_left_over(job: Path) -> bool:
    """Whether a job came to nothing. Another Blender may be at work on a young one."""
    return not (job / "result.npz").exists() and time.time() - job.stat().st_mtime > DAY_S


def load(name: str, scene: bpy.types.Scene) -> Job:
    """A finished job as if it had just ended, for this scene's 3D cursor. Raises Trouble."""
    folder = session.jobs_folder(environment.chosen(preferences()).data_folder) / name
    try:
        mesh = arrays.decode_mesh((folder / "result.npz").read_bytes())
    except (OSError, ValueError) as error:
        raise Trouble(f"The finished job {name} cannot be read: {error}", "Run it again", "disk") from error
    request, report = read_json(folder / "request.json"), read_json(folder / "report.json")
    return Job(
        engine=str(request.get("engine", "")),
        parameters=request.get("parameters", {}),
        seed=request.get("seed", 0),
        attachments=dict,
        name=str(request.get("name") or "Mesh"),
        location=tuple(scene.cursor.location),
        scene=scene.session_uid,
        id=name,
        state=State.FINISHED,
        mesh=mesh,
        report=report,
        folder=str(folder),
    )


def read_json(path: Path) -> dict:
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}

# SPDX-License-Identifier: GPL-3.0-or-later
"""What one Blender session holds: the queue of jobs, and the timer that moves it. The first job starts it all."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import bpy

from ..backend.interface import protocol
from .base.preferences import preferences
from .base.trouble import Trouble
from .jobs import queue as jobs
from .jobs.job import Job, State
from .jobs.process import Launch
from .panels import icons
from .scene import image_import, mesh_import, placement, versions, viewport_preview
from .setup import disk_scan, environment

TICK_S = 0.1
IDLE_S = 1.0
NOTICE_S = 8.0  # that the status bar tells of a job's end
IMPORT = "Use Import Finished Job to get it"

longest_ms = 0.0  # the longest time that a tick has held Blender, imports left out
longest_import_ms = 0.0
_imports_ms = 0.0  # of all imports together


def launch() -> Callable[[], Launch]:
    """Collect what starting the backend needs; what is returned may run in a thread."""
    chosen = environment.chosen(preferences())

    def prepare() -> Launch:
        python, root = environment.ready_backend(chosen)
        folder = chosen.data_folder
        command = protocol.command(str(python), str(root), "serve", "--jobs", str(jobs_folder(folder)))
        variables = protocol.environment(os.environ) | environment.environment_of(chosen)
        return Launch(command, variables, folder, log_path(folder))

    return prepare


def jobs_folder(data_folder: Path) -> Path:
    return data_folder / "jobs"


def log_path(data_folder: Path) -> Path:
    return data_folder / "logs" / "backend.log"


def deliver(job: Job) -> str:
    """Put a finished job's result into the scene it was started in; returns why that has to wait."""
    global longest_import_ms, _imports_ms
    began = time.perf_counter()
    try:
        return put(job)
    finally:
        took = 1000 * (time.perf_counter() - began)
        longest_import_ms, _imports_ms = max(longest_import_ms, took), _imports_ms + took


def put(job: Job) -> str:
    scene = next((scene for scene in bpy.data.scenes if scene.session_uid == job.scene), None)
    if scene and job.place:
        return mesh_import.obstacle() or job.place(job, scene) or ""
    if scene is None or not (job.mesh or job.images):
        raise Trouble("The mesh is done, but its scene is not open any more", IMPORT, "moved")
    if waiting := mesh_import.obstacle():
        return waiting
    if job.mesh is None:
        image_import.add(job, scene)
        return ""
    try:
        versions.remember(scene, job, placement.add(job, scene), job.mesh.thumbnail)
        mesh_import.push_undo("Image to Mesh")
    except (RuntimeError, ReferenceError) as error:  # what bpy raises, for instance for a linked scene
        told = " ".join(str(error).split())
        raise Trouble(f"The mesh is done, but Blender did not take it: {told}", IMPORT, "moved") from error
    if preferences().show_colors:
        mesh_import.show_colors()
    jobs.mark_imported(job.folder)
    return ""


queue = jobs.JobQueue(launch, deliver)
_seen: tuple | None = None  # what was drawn last
_told, _silent_at = "", 0.0  # the job that the status bar tells of, and until when


def tick() -> float | None:
    """Move everything on; returns the seconds until the next call, as Blender's timers want it."""
    global longest_ms
    began, imports = time.perf_counter(), _imports_ms
    try:
        queue.poll()
        environment.poll()
        announce()
    except Exception:  # an exception would end the timer, and with it every job
        traceback.print_exc()
        queue.stop(timeout=0.0)
    if icons.show(queue.active.sheet if queue.active else None) | has_changed():
        redraw()
    if viewport_preview.show(queue.active):
        viewport_preview.redraw()
    longest_ms = max(longest_ms, 1000 * (time.perf_counter() - began) - (_imports_ms - imports))
    if queue.busy or environment.running() or disk_scan.is_looking():
        return TICK_S
    return IDLE_S if queue.process or _silent_at else None


def announce() -> None:
    """Tell in the status bar how the last job ended, for some seconds."""
    global _told, _silent_at
    last = queue.last
    if last is not None and last.id != _told:
        _told, _silent_at = last.id, time.monotonic() + NOTICE_S
        words = {State.DONE: f"{last.name} is done", State.FAILED: f"{last.name} failed: {last.message}"}
        write_status(f"Image to Mesh: {words[last.state]}" if last.state in words else None)
    elif _silent_at and time.monotonic() > _silent_at:
        _silent_at = 0.0
        write_status(None)


def write_status(text: str | None) -> None:
    for window in bpy.context.window_manager.windows:
        window.workspace.status_text_set(text)


def has_changed() -> bool:
    """Whether the panel or the preferences would look different from last time. Drawing costs far more than a tick."""
    global _seen
    task, last = environment.task(), queue.last
    told = [(j.id, j.state, j.stage_text(), j.time_left(), j.note, round(j.overall, 2)) for j in queue.jobs()]
    now = (
        told,
        last and last.id,
        task and (task.stage, task.line, task.overall, len(task.sizes), task.ended),
        disk_scan.known(),
    )
    changed, _seen = now != _seen, now
    return changed


def start() -> None:
    """Let the timer run. Without a window there is none: there, whoever wants progress calls tick()."""
    if not bpy.app.background and not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, persistent=True)


def redraw() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in {"VIEW_3D", "PREFERENCES"}:
                for region in area.regions:
                    if region.type == "UI" or area.type == "PREFERENCES":
                        region.tag_redraw()


def register() -> None:
    """Nothing: the first job starts the timer and the process."""


def unregister() -> None:
    """Leave no timer (4.2 crashes at exit, 4.5 hangs), no process, no picture."""
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    queue.stop()
    environment.stop()
    disk_scan.stop()
    icons.unregister()
    viewport_preview.unregister()

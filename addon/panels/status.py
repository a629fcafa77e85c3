# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel's list of jobs, and the outcome of the last ones."""

from __future__ import annotations

from ...backend.interface import tasks
from .. import session
from ..jobs.job import WORKING, Job, State
from .base import UNIT_PX, translated, wrapped

SHOWN = 5  # jobs, and failures


def draw_jobs(layout, context) -> None:
    jobs = session.current().queue.jobs()
    for job in jobs[:SHOWN]:
        draw_job(layout, context, job)
    if len(jobs) > SHOWN:
        row = layout.row()
        row.label(text=f"and {len(jobs) - SHOWN} more")
        row.operator("image_to_mesh.cancel", text="Cancel All", icon="CANCEL")


def draw_job(layout, context, job: Job) -> None:
    now, progress = session.current(), job.progress
    box = layout.box()
    row = box.row()
    icon = "TIME" if job.state is State.QUEUED else "MESH_MONKEY"
    row.label(text=job.name, icon=icon, translate=False)
    if can_stop_early(job):
        row = box.row()  # of their own: beside the name, the words would be cut off
        keep = row.row()
        keep.enabled = job.state is State.RUNNING
        keep.operator("image_to_mesh.stop_and_keep", text="Stop and Keep", icon="CHECKMARK").job = job.id
    row.operator("image_to_mesh.cancel", text="Cancel", icon="CANCEL").job = job.id
    if job.state is State.QUEUED:
        return
    box.progress(factor=progress.overall, text=progress.stage_text(translated), translate=False)
    if words := progress.note or progress.time_left():
        box.label(text=words)
    if job is now.queue.active and now.icons.sheet_id():
        units = context.region.width / (UNIT_PX * context.preferences.system.ui_scale)
        box.template_icon(icon_value=now.icons.sheet_id(), scale=max(4.0, units - 3.5))


def can_stop_early(job: Job) -> bool:
    """Whether the job is an optimisation that has made its first steps, so that there is something to keep."""
    has_begun = job.sent and job.state in WORKING and job.progress.step > 0
    return has_begun and tasks.task(job.request.engine).optimises


def draw_outcome(layout, context) -> None:
    """The last job's findings or failure, if the artist has to know or to do something."""
    job = session.current().queue.last
    if job and job.state is State.DONE and (lines := findings(job.outcome.facts)):
        row = layout.box().row()
        column = row.column()
        for text in lines:
            wrapped(column, context, text, icon="INFO", beside=UNIT_PX)
        row.operator("image_to_mesh.dismiss", text="", icon="X", emboss=False)
    draw_failures(layout, context)
    if job and job.state is State.FAILED:
        draw_failure(layout, context, job)


def draw_failure(layout, context, job: Job) -> None:
    """A failure's message and remedy, and buttons for the remedy."""
    outcome = job.outcome
    box = layout.box()
    box.alert = True
    wrapped(box, context, outcome.message, icon="ERROR")
    if outcome.remedy:
        wrapped(box, context, outcome.remedy)
    for name, value in outcome.lower.items():
        row = box.row()
        row.alert = False
        title = tasks.task(job.request.engine).parameter(name).title
        button = row.operator("image_to_mesh.lower", text=f"Set {title} to {str(value).upper()}")
        button.job, button.parameter = job.id, name
    row = box.row()
    row.alert = False
    if outcome.kind in {"environment", "weights"}:
        row.operator("image_to_mesh.open_preferences", text="Preferences")
    row.operator("image_to_mesh.show_log", text="Log")
    row.operator("image_to_mesh.dismiss", text="Dismiss")


def draw_failures(layout, context) -> None:
    """Jobs of a longer queue that failed, the newest first. The last job's failure has a box of its own."""
    queue = session.current().queue
    failures = queue.failures[: -1 if queue.last and queue.last.state is State.FAILED else None]
    if not failures:
        return
    box = layout.box()
    for text in failures[: -SHOWN - 1 : -1]:
        wrapped(box, context, text, icon="ERROR")
    if len(failures) > SHOWN:
        box.label(text=f"and {len(failures) - SHOWN} more")
    box.operator("image_to_mesh.dismiss", text="Dismiss")


def findings(facts: dict) -> list[str]:
    """Sentences from a result's facts: a warning, the elevation used, the depth of the mesh, how the background was
    removed."""
    elevation = facts.get("elevation_deg")
    if isinstance(elevation, (int, float)):
        elevation = f"Elevation {elevation:g}\N{DEGREE SIGN}, {facts.get('elevation') or 'given'}"
    depth = facts.get("depth")
    if isinstance(depth, (int, float)):
        depth = f"Depth {depth:g} of the width"
    return [str(text) for text in (facts.get("warning"), elevation, depth, facts.get("background")) if text]

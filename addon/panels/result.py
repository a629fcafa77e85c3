# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel's result: the running job, the last mesh, or why there is none. It keeps its height."""

from __future__ import annotations

import bpy

from ...backend.interface import tasks
from .. import session
from ..base.icons import RESULT, SHEET
from ..jobs.job import Job, State
from ..operators.result import variations
from ..scene import result_view
from .base import lines, translated

PICTURE = 7.0  # height in units of a row
FACES_WORDS = "faces"


def draw_result(layout, context) -> None:
    now = session.current()
    box = layout.box().column()
    jobs, last = now.queue.jobs(), now.queue.last
    if jobs:
        draw_job(box, context, jobs)
    elif last and last.state is State.FAILED:
        draw_failure(box, context, last)
    else:
        draw_version(box, context)


def draw_job(layout, context, jobs: list[Job]) -> None:
    """The first job's picture, progress and buttons; the others as a number."""
    now, job = session.current(), jobs[0]
    progress = job.progress
    draw_icon(layout, now.icons.shown_id(SHEET))
    row = layout.row()
    row.label(text=job.name, translate=False)
    if len(jobs) > 1:
        row.label(text=f"+ {len(jobs) - 1}", icon="TIME", translate=False)
    layout.progress(factor=progress.overall, text=progress.stage_text(translated), translate=False)
    words = translated(progress.note) if progress.note else progress.time_left(translated)
    layout.label(text=words, translate=False)
    row = layout.row(align=True)
    if job.request.engine and tasks.task(job.request.engine).optimises:
        keep = row.row(align=True)
        keep.enabled = can_finish_early(job)
        keep.operator("image_to_mesh.stop_and_keep", text="Finish Now").job = job.id
    row.operator("image_to_mesh.cancel", text="Cancel").job = job.id
    if len(jobs) > 1:
        row.operator("image_to_mesh.cancel", text="", icon="X")


def can_finish_early(job: Job) -> bool:
    """Whether an optimisation has made its first steps, so that there is something to keep."""
    return job.sent and job.state is State.RUNNING and job.progress.step > 0


def draw_failure(layout, context, job: Job) -> None:
    """A failure's message and remedy in the picture's place, and buttons for the remedy."""
    outcome = job.outcome
    column = layout.column(align=True)
    column.alert = True
    lines(column, context, f"{outcome.message} {translated(outcome.remedy)}".strip(), int(PICTURE), icon="ERROR")
    layout.label(text=job.name, translate=False)
    row = layout.row(align=True)
    for name, value in list(outcome.lower.items())[:1]:
        title = tasks.task(job.request.engine).parameter(name).title
        button = row.operator("image_to_mesh.lower", text=f"{translated(title)} {str(value).upper()}", translate=False)
        button.job, button.parameter = job.id, name
    if outcome.kind in {"environment", "weights"}:
        row.operator("image_to_mesh.open_preferences", text="Preferences")
    if not outcome.lower and outcome.kind not in {"environment", "weights"}:
        row.label()
    layout.label()
    row = layout.row(align=True)
    row.operator("image_to_mesh.show_log", text="Log")
    row.operator("image_to_mesh.dismiss", text="Dismiss")


def draw_version(layout, context) -> None:
    """The chosen version: its picture, which can be turned, and what may follow."""
    now, version = session.current(), result_view.shown(context)
    turned = version and now.result.is_turned(version)
    kept = now.icons.thumbnail_id(version.thumbnail) if version else 0
    draw_icon(layout, now.icons.shown_id(RESULT) if turned else kept)
    row = layout.row(align=True)
    row.operator("image_to_mesh.turn_result", text="", icon="TRIA_LEFT").step = -1
    row.label(text=version.name if version else "No mesh yet", translate=not version)
    row.operator("image_to_mesh.turn_result", text="", icon="TRIA_RIGHT").step = 1
    layout.label(text=faces_of(version), translate=False)
    layout.label(text=size_of(context, version), translate=False)
    row = layout.row(align=True)
    if variations(context):
        row.operator("image_to_mesh.keep_this")
    else:
        row.operator("image_to_mesh.before_after")
    row.operator("image_to_mesh.material_preview", text="", icon="SHADING_TEXTURE")


def faces_of(version) -> str:
    return f"{len(version.mesh.polygons):,} {translated(FACES_WORDS)}" if version and version.mesh else ""


def size_of(context, version) -> str:
    """The size of the active object in the scene's units, if it shows the version."""
    active = context.active_object
    if active is None or version is None or active.data != version.mesh:
        return ""
    units = context.scene.unit_settings
    return " \N{MULTIPLICATION SIGN} ".join(
        bpy.utils.units.to_string(units.system, "LENGTH", side * units.scale_length, precision=3)
        for side in active.dimensions
    )


def draw_icon(layout, icon: int) -> None:
    """A picture, or an empty place of its height."""
    if icon:
        layout.template_icon(icon_value=icon, scale=PICTURE)
    else:
        place = layout.column()
        place.ui_units_y = PICTURE
        place.label(text="")

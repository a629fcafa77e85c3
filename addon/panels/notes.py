# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel Notes, below all others, so that it moves none: what an engine found, and jobs that failed."""

import bpy

from ...backend.interface.remarks import WARNING, remarks
from .. import session
from ..jobs import recovery
from ..jobs.job import Job, State
from .base import UNIT_PX, SubPanel, translated, wrapped

SHOWN = 5  # failures, and as many warnings of earlier jobs
WAITING_WORDS = "{} finished meshes wait"


class IMAGE_TO_MESH_PT_notes(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_notes"
    bl_label = "Notes"
    bl_options = {"HIDE_HEADER"}

    @classmethod
    def poll(cls, context):
        queue = session.current().queue
        return bool(queue.failures or findings(queue.last) or earlier_warnings(queue.ended) or waiting())

    def draw(self, context):
        queue = session.current().queue
        last = queue.last
        if count := waiting():
            box = self.layout.box()
            box.label(text=translated(WAITING_WORDS).format(count), icon="IMPORT", translate=False)
            box.operator_menu_enum("image_to_mesh.import_finished", "job")
        warnings = earlier_warnings(queue.ended)
        if not (queue.failures or findings(last) or warnings):
            return
        row = self.layout.box().row()
        column = row.column()
        if last and (found := findings(last)):
            column.label(text=last.name, icon="INFO", translate=False)
            for text in found:
                wrapped(column, context, text, beside=UNIT_PX)
        for text in warnings[:SHOWN]:
            wrapped(column, context, text, icon="INFO", beside=UNIT_PX)
        for text in queue.failures[: -SHOWN - 1 : -1]:
            wrapped(column, context, text, icon="ERROR", beside=UNIT_PX)
        if len(queue.failures) > SHOWN:
            column.label(text=f"+ {len(queue.failures) - SHOWN}", translate=False)
        row.operator("image_to_mesh.dismiss", text="", icon="X", emboss=False)


def waiting() -> int:
    """How many finished meshes wait to be imported."""
    now = session.current()
    return recovery.waiting(now.disk_scan.seen(), now.queue.jobs())


def findings(job: Job | None) -> list[str]:
    """Sentences from a result's facts."""
    return [] if job is None or job.state is not State.DONE else remarks(job.outcome.facts)


def earlier_warnings(jobs: list[Job]) -> list[str]:
    """Names and warnings of the jobs before the last, as a batch has them, the latest first."""
    done = [job for job in jobs[:-1] if job.state is State.DONE and job.outcome.facts.get(WARNING)]
    return [f"{job.name}: {job.outcome.facts[WARNING]}" for job in reversed(done)]


register, unregister = bpy.utils.register_classes_factory((IMAGE_TO_MESH_PT_notes,))

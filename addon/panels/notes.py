# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel Notes, below all others, so that it moves none: what an engine found, and jobs that failed."""

import bpy

from .. import session
from ..jobs import recovery
from ..jobs.job import Job, State
from .base import UNIT_PX, SubPanel, translated, wrapped

SHOWN = 5  # failures
WAITING_WORDS = "{} finished meshes wait"


class IMAGE_TO_MESH_PT_notes(SubPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_notes"
    bl_label = "Notes"
    bl_options = {"HIDE_HEADER"}

    @classmethod
    def poll(cls, context):
        queue = session.current().queue
        return bool(queue.failures or findings(queue.last) or waiting())

    def draw(self, context):
        queue = session.current().queue
        last = queue.last
        if count := waiting():
            box = self.layout.box()
            box.label(text=translated(WAITING_WORDS).format(count), icon="IMPORT", translate=False)
            box.operator_menu_enum("image_to_mesh.import_finished", "job")
        if not (queue.failures or findings(last)):
            return
        row = self.layout.box().row()
        column = row.column()
        if last and (found := findings(last)):
            column.label(text=last.name, icon="INFO", translate=False)
            for text in found:
                wrapped(column, context, text, beside=UNIT_PX)
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
    """Sentences from a result's facts: a warning, the elevation used, the depth of the mesh."""
    if job is None or job.state is not State.DONE:
        return []
    facts = job.outcome.facts
    elevation = facts.get("elevation_deg")
    if isinstance(elevation, (int, float)):
        elevation = f"Elevation {elevation:g}\N{DEGREE SIGN}, {facts.get('elevation') or 'given'}"
    depth = facts.get("depth")
    if isinstance(depth, (int, float)):
        depth = f"Depth {depth:g} of the width"
    return [str(text) for text in (facts.get("warning"), elevation, depth) if text]


register, unregister = bpy.utils.register_classes_factory((IMAGE_TO_MESH_PT_notes,))

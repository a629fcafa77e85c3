# SPDX-License-Identifier: GPL-3.0-or-later
"""The tab in the 3D View's sidebar: image, prompt, quality, button, result. Drawing reads what is in memory, and
nothing else."""

import bpy

from ...backend.interface import presets
from .. import session
from ..base.preferences import preferences
from ..operators.generate import IMAGE_TO_MESH_OT_generate, IMAGE_TO_MESH_OT_generate_file
from ..scene.images import input_image
from ..settings import engines
from ..setup.expected_time import faces_words
from .base import MAIN, cost, draw_online_access, draw_task, lines, translated, wrapped
from .input import draw_input
from .result import draw_result
from .trial import draw_missing_weights, draw_trial

HINT_LINES = SETUP_LINES = 2
SETUP_WORDS = "The backend is not set up yet"


class IMAGE_TO_MESH_PT_main(bpy.types.Panel):
    bl_idname = MAIN
    bl_label = "Image to Mesh"
    bl_category = "Image to Mesh"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"

    def draw(self, context):
        layout, settings = self.layout, context.scene.image_to_mesh
        now = session.current()
        if not now.setup.is_ready():
            draw_setup(layout, context)
        draw_input(layout, context)
        row = layout.row(align=True)
        for name in presets.PRESETS:
            row.prop_enum(settings, "quality", name.upper())
        button = IMAGE_TO_MESH_OT_generate_file if input_image.needs_file(settings) else IMAGE_TO_MESH_OT_generate
        lines(layout, context, button.why_unavailable(context) or expectation(settings), HINT_LINES)
        engine = engines.chosen_engine(settings)
        if not draw_missing_weights(layout, context, engine):
            row = layout.row()
            row.scale_y = 1.5
            busy = now.queue.busy
            row.operator(button.bl_idname, text="Add to Queue" if busy else "Image to Mesh", icon="MESH_MONKEY")
        row = layout.row()
        row.enabled = engines.is_seeded(settings, engine)
        row.operator("image_to_mesh.variations")
        draw_result(layout, context)
        draw_trial(layout, context)


def expectation(settings) -> str:
    """The time and the number of faces to expect from a click."""
    engine = engines.chosen_engine(settings)
    values = engines.shown_values(settings, engine)
    counts = {"drawn": 1} if input_image.is_prompt(settings) and "image" in engine.inputs else None
    words = session.current().expected.words(engine, values, counts, translated), faces_words(values, translated)
    return ", ".join(filter(None, words))


def draw_setup(layout, context) -> None:
    """The way from a new extension to the first mesh: one check box and one button."""
    box, now = layout.box(), session.current()
    task = now.setup.task
    if task and task.running:
        lines(box, context, task.stage, SETUP_LINES)
        draw_task(box.row(align=True), task)
        return
    if task and task.trouble:
        wrapped(box, context, f"{task.trouble.message}. {task.trouble.remedy}", icon="ERROR")
    else:
        words = cost(preferences().variant, now.disk_scan.seen())
        wrapped(box, context, f"{translated(SETUP_WORDS)}. {words}", icon="INFO")
    draw_online_access(box, context)
    box.operator("image_to_mesh.set_up", icon="IMPORT")


register, unregister = bpy.utils.register_classes_factory((IMAGE_TO_MESH_PT_main,))

# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel's words about weights: the built-in ones are for trying out, others have to be downloaded first."""

from __future__ import annotations

from ...backend.interface import bundles
from ...backend.interface.task import Task
from .. import session
from ..scene import better_weights
from ..settings import choices, engines
from .base import draw_download, draw_task, wrapped
from .bundles import bundle_of


def draw_trial(layout, context) -> None:
    """While the chosen engine uses the built-in weights: a line that says so, and the way to better ones."""
    settings = context.scene.image_to_mesh
    engine = engines.chosen_engine(settings)
    if not better_weights.is_built_in(engines.group_of(settings, engine)):
        return
    now = session.current()
    wrapped(layout, context, "Built-in trial model: simple objects only", icon="INFO")
    bundle = next((bundle for bundle in bundles.BUNDLES if engine.name in bundle.tasks), None)
    task = now.setup.task
    if bundle and task and task.running and bundle_of(task) == bundle:
        draw_task(layout.row(align=True), task)
    elif bundle and all(now.disk_scan.seen().has(weights.id) for weights in bundle.sets):
        layout.operator("image_to_mesh.use_bundle", text="Use Better Model", icon="CHECKMARK").bundle = bundle.id
    else:
        layout.operator("image_to_mesh.open_preferences", text="Get a Better Model", icon="IMPORT")


def draw_missing_weights(layout, context, task: Task) -> bool:
    """In place of a task's button, while its weights are not downloaded: their name, size and download. Returns whether
    something was drawn."""
    group = engines.group_of(context.scene.image_to_mesh, task)
    lacking = choices.lacking_weights(group, session.current().disk_scan.seen())
    if lacking:
        draw_download(layout, context, lacking, scale=1.5)
    return bool(lacking)

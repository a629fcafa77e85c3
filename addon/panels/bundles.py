# SPDX-License-Identifier: GPL-3.0-or-later
"""Get a Better Model: a box for each bundle, on top of the preferences."""

from __future__ import annotations

from ...backend.interface import bundles
from ...backend.interface.bundles import Bundle
from .. import session
from ..operators.upkeep.weights import IMAGE_TO_MESH_OT_download_bundle, licence
from ..scene import better_weights
from ..setup.background_task import BackgroundTask
from ..setup.disk_scan import Seen
from ..setup.weights import downloading, megabytes
from .base import draw_task, translated


def bundle_of(task: BackgroundTask | None) -> Bundle | None:
    """The bundle that a task downloads."""
    return next((bundle for bundle in bundles.BUNDLES if task and task.title == downloading(bundle.title)), None)


def draw_bundles(layout, context, seen: Seen) -> None:
    """All bundles; each keeps its height while it is downloaded."""
    row = layout.split(factor=0.4)
    row.label(text="Get a Better Model")
    if not session.current().setup.is_ready():
        row.label(text="Set up the backend first", icon="INFO")
    elif reason := IMAGE_TO_MESH_OT_download_bundle.why_unavailable(context):
        row.label(text=reason, icon="INFO")
    for bundle in bundles.BUNDLES:
        draw_bundle(layout.box().column(align=True), context, bundle, seen)


def draw_bundle(column, context, bundle: Bundle, seen: Seen) -> None:
    """A bundle: its gain, size and licence, and the button that its state calls for."""
    task = session.current().setup.task
    ours = task if bundle_of(task) == bundle else None
    here = all(seen.has(weights.id) for weights in bundle.sets)
    split = column.split(factor=0.7)
    split.label(text=bundle.title, icon="CHECKMARK" if here else "BLANK1")
    cell = split.row(align=True)
    if ours and ours.running:
        draw_task(cell, ours)
    elif not here:
        begun = any(seen.weights.get(weights.id, {}).get("partial") for weights in bundle.sets)
        words = "Resume" if begun else "Download"
        cell.operator("image_to_mesh.download_bundle", text=words, icon="IMPORT").bundle = bundle.id
    elif better_weights.is_chosen(context.scene, bundle):
        cell.label(text="Ready")
    else:
        cell.operator("image_to_mesh.use_bundle", text="Use").bundle = bundle.id
    details = column.column(align=True)
    if ours and ours.trouble:
        details.alert = not ours.stopped()  # who stops it knows
        details.label(text=ours.trouble.message, icon="BLANK1")
        details.label(text=ours.trouble.remedy, icon="BLANK1")
        return
    details.active = False
    details.label(text=bundle.gain, icon="BLANK1")
    details.label(text=facts(bundle), icon="BLANK1", translate=False)


def facts(bundle: Bundle) -> str:
    """Size, terms and licences of a bundle."""
    names = ", ".join(translated(weights.title) for weights in bundle.sets)
    return f"{names}, {megabytes(bundle.size)}. {licence(bundle)}"

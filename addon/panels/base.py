# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts shared by the panels of the tab: their place, wrapped text, the settings of a task."""

from __future__ import annotations

import textwrap
import unicodedata

import bpy

from ...backend.interface.task import Task
from .. import session
from ..scene import mesh_export
from ..settings import choices, engines
from ..setup.weights import megabytes

CHARACTER_PX = 7.0  # width of a character of Blender's interface font at scale 1, roughly
UNIT_PX = 20  # height of a row of Blender's interface at scale 1
MAIN = "IMAGE_TO_MESH_PT_main"


class SubPanel:
    """A panel below the tab's main one, closed at first."""

    bl_parent_id = MAIN
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_options = {"DEFAULT_CLOSED"}


class MoreSettings(SubPanel):
    """The declared parameters of a task, without those that its own panel shows already."""

    bl_label = "Settings"
    layout: bpy.types.UILayout
    task: Task
    shown_above: frozenset[str] = frozenset()

    def draw(self, context):
        split_properties(self.layout)
        draw_settings(self.layout, context, self.task, self.shown_above)


def split_properties(layout) -> None:
    """Names on the left, values on the right, no animation dots."""
    layout.use_property_split, layout.use_property_decorate = True, False


def draw_settings(layout, context, task: Task, left_out: frozenset[str] = frozenset()) -> None:
    """The parameters of a task, with the weights or the mesh that they ask for."""
    settings = context.scene.image_to_mesh
    group = engines.group_of(settings, task)
    for parameter in (p for p in engines.shown(task) if p.name not in left_out):
        layout.prop(group, parameter.name)
        if parameter.name == choices.WEIGHTS:
            draw_weights(layout, group)
        if parameter.name == mesh_export.START and mesh_export.is_wanted(settings):
            draw_start(layout, context)


def draw_weights(layout, group) -> None:
    """A path, or the sets of weights that have to be downloaded first."""
    if getattr(group, choices.WEIGHTS) == choices.OWN:
        layout.prop(group, choices.OWN_PATH)
    for weights in choices.lacking_weights(group, session.current().disk_scan.seen()):
        layout.label(text=f"{weights.title}: not downloaded, {megabytes(weights.size)}", icon="INFO")
        layout.operator("image_to_mesh.download_model", text="Download", icon="IMPORT").model = weights.id


def draw_start(layout, context) -> None:
    """The mesh that the job will start from, or why there is none."""
    if reason := mesh_export.missing(context):
        wrapped(layout, context, reason, icon="ERROR")
    else:
        layout.label(text=context.active_object.name, icon="MESH_DATA", translate=False)


def draw_reason(layout, context, reason: str) -> None:
    """Why a button is grey, if it is."""
    if reason:
        wrapped(layout, context, reason, icon="INFO")


def translated(text: str) -> str:
    """A text in Blender's language, English if nobody has translated it."""
    return bpy.app.translations.pgettext_iface(text)


def wrapped(layout, context, text: str, icon: str = "NONE", beside: int = 0) -> None:
    """A text in Blender's language, in as many lines as the sidebar's width needs. beside: pixels taken by something
    next to it."""
    text, scale = translated(text), context.preferences.system.ui_scale
    width = max(20, int((context.region.width - (60 + beside) * scale) / (CHARACTER_PX * scale)))
    if any(unicodedata.east_asian_width(character) == "W" for character in text):
        width //= 2
    column = layout.column(align=True)
    for number, line in enumerate(textwrap.wrap(text, width)):
        shown = icon if number == 0 else "BLANK1" if icon != "NONE" else "NONE"
        column.label(text=line, icon=shown, translate=False)

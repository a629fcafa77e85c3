# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts shared by the panels of the tab: their place, wrapped text, the settings of a task."""

from __future__ import annotations

import re

import blf
import bpy

from ...backend.interface.catalog import Weights
from ...backend.interface.installer.hardware import setup_cost
from ...backend.interface.parameters import Parameter
from ...backend.interface.task import Task
from .. import session
from ..scene import mesh_export
from ..settings import choices, engines
from ..setup.background_task import BackgroundTask
from ..setup.disk_scan import Seen
from ..setup.weights import downloading, megabytes

FONT = 0  # of blf: Blender's interface font
MARGIN_PX = 80  # of the sidebar's width at scale 1, left and right of the text of a panel in a panel
WIDE = "\u2e80-\ud7ff\uff00-\uffef"  # letters of East Asia, between which lines may break
SENTENCE_END = re.compile(r"(?<=\.) ")
WORDS = re.compile(rf"[{WIDE}]|[^\s{WIDE}]{{1,24}}\s*|\s+")
UNIT_PX = ICON_PX = 20  # height of a row of Blender's interface at scale 1, and side of an icon
COST_WORDS = "Downloads about {size}, takes about {minutes} minutes"
MAIN = "IMAGE_TO_MESH_PT_main"
IMPROVE, FINISH = "IMAGE_TO_MESH_PT_improve", "IMAGE_TO_MESH_PT_finishing"  # groups
VIEWS, ADVANCED = "IMAGE_TO_MESH_PT_all_views", "IMAGE_TO_MESH_PT_advanced"


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
    for parameter in engines.shown(task):
        if parameter.name in left_out or not engines.applies(group, task, parameter):
            continue
        draw_parameter(layout, group, parameter)
        if parameter.name == choices.WEIGHTS:
            draw_weights(layout, context, group)
        if parameter.name == mesh_export.START and mesh_export.is_wanted(settings):
            draw_start(layout, context)


def draw_parameter(layout, group, parameter: Parameter) -> None:
    """A value; where its default stands for an automatic choice, a check box that says so, and the value without it."""
    if parameter.own is None:
        layout.prop(group, parameter.name)
        return
    column = layout.column(align=True)
    column.row(heading=parameter.title).prop(group, parameter.name + engines.AUTOMATIC)
    if getattr(group, parameter.name) != parameter.default:
        column.prop(group, parameter.name, text=" ")  # below, for in one row the words are cut off


def draw_weights(layout, context, group) -> None:
    """A path, or the sets of weights that have to be downloaded first."""
    if getattr(group, choices.WEIGHTS) == choices.OWN:
        layout.prop(group, choices.OWN_PATH)
    if lacking := choices.lacking_weights(group, session.current().disk_scan.seen()):
        draw_download(layout, context, lacking)


def draw_download(layout, context, sets: list[Weights], scale: float = 1.0) -> None:
    """Names and size of sets of weights that are not here, of which the first requires the others, and the button that
    downloads them, or its progress. scale: the button's height in rows."""
    task = session.current().setup.task
    names, size = ", ".join(translated(weights.title) for weights in sets), sum(weights.size for weights in sets)
    wrapped(layout, context, f"{names}: {megabytes(size)}", icon="INFO")
    row = layout.row(align=True)
    row.scale_y = scale
    if task and task.running and task.title == downloading(sets[0].title):
        draw_task(row, task)
    else:
        row.operator("image_to_mesh.download_model", text="Download", icon="IMPORT").model = sets[0].id
    if not bpy.app.online_access:
        draw_online_access(layout, context)


def draw_task(row, task: BackgroundTask, title: str = "") -> None:
    """How far a background task is, and the button that stops it. title: drawn before the percentage."""
    row.progress(factor=task.overall, text=f"{translated(title)} {task.overall:.0%}".strip(), translate=False)
    row.operator("image_to_mesh.stop_task", text="", icon="CANCEL")


def cost(variant: str, seen: Seen) -> str:
    """Size and time of setting up."""
    chosen = variant.lower() if variant != "AUTO" else seen.variant
    size, minutes = setup_cost(chosen)
    return translated(COST_WORDS).format(size=megabytes(size), minutes=minutes)


def draw_online_access(layout, context) -> None:
    """Blender's own check box that lets extensions use the network, grey where the command line has decided."""
    row = layout.row()
    row.enabled = not bpy.app.online_access_override
    row.prop(context.preferences.system, "use_online_access", text="Allow Online Access")


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
    """A text in Blender's language, English if nobody has translated it; several sentences one by one."""
    whole = bpy.app.translations.pgettext_iface(text)
    if whole != text or ". " not in text:
        return whole
    return " ".join(bpy.app.translations.pgettext_iface(sentence) for sentence in SENTENCE_END.split(text))


def wrapped(layout, context, text: str, icon: str = "NONE", beside: int = 0) -> None:
    """A text in Blender's language, in as many lines as the sidebar's width needs. beside: pixels taken by something
    next to it."""
    column = layout.column(align=True)
    for number, line in enumerate(split(context, text, beside + ICON_PX * (icon != "NONE"))):
        shown = icon if number == 0 else "BLANK1" if icon != "NONE" else "NONE"
        column.label(text=line, icon=shown, translate=False)


def lines(layout, context, text: str, count: int, icon: str = "NONE") -> None:
    """A text in exactly this many lines, so that nothing below moves; a longer one is cut off."""
    parts = split(context, text, ICON_PX * (icon != "NONE"))
    if len(parts) > count:
        parts[count - 1] += " ..."
    column = layout.column(align=True)
    for number in range(count):
        shown = "NONE" if icon == "NONE" else icon if number == 0 else "BLANK1"
        column.label(text=parts[number] if number < len(parts) else "", icon=shown, translate=False)


def split(context, text: str, beside: int) -> list[str]:
    """A text in Blender's language as lines that fit the sidebar, measured in Blender's interface font."""
    scale, found = context.preferences.system.ui_scale, [""]
    room = context.region.width - (MARGIN_PX + beside) * scale
    blf.size(FONT, context.preferences.ui_styles[0].widget.points * scale)
    for word in WORDS.findall(translated(text)):
        if found[-1] and blf.dimensions(FONT, (found[-1] + word).rstrip())[0] > room:
            found.append("")
        found[-1] += word
    return [line.rstrip() for line in found]

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Preferences: the backend and its environment, weights, folders and their sizes, device, log."""

import bpy

from ...backend.interface import bundles, catalog
from ...backend.interface.installer import cutouts, environment
from .. import session
from ..base.preferences import PACKAGE
from ..operators.upkeep.weights import licence
from ..setup.background_task import BackgroundTask
from ..setup.disk_scan import Seen
from ..setup.environment import SETTING_UP, Setup
from ..setup.weights import megabytes
from . import bundles as bundle_rows
from .base import cost, draw_online_access, draw_task, split_properties, translated

DEVICES = (
    ("AUTO", "Automatic", "The graphics card if there is one, else the processor"),
    ("CPU", "Processor", "Works everywhere, slowly"),
    ("CUDA", "NVIDIA or AMD", "A graphics card with CUDA or ROCm"),
    ("MPS", "Apple", "The graphics processor of Apple silicon"),
)


def look_again(_self, _context) -> None:
    """A path has changed."""
    session.current().setup.look_again()


def move_weights(self, context) -> None:
    """The folder of the weights has changed. An idle backend still knows the old one."""
    look_again(self, context)
    if not session.current().queue.busy:
        session.current().queue.stop(timeout=1.0)


class Preferences(bpy.types.AddonPreferences):
    bl_idname = PACKAGE

    variant: bpy.props.EnumProperty(
        name="Variant",
        description="Build of PyTorch to install",
        items=[(name.upper(), title, text.rstrip(".")) for name, title, text in environment.variants()],
    )
    data_folder: bpy.props.StringProperty(
        name="Data Folder",
        description="Folder of the environment, results and logs. Empty: the usual place on this system",
        subtype="DIR_PATH",
        update=look_again,
    )
    weights_folder: bpy.props.StringProperty(
        name="Weights Folder",
        description="Folder of downloaded weights and of your own copies. Empty: in the data folder",
        subtype="DIR_PATH",
        update=move_weights,
    )
    show_weights: bpy.props.BoolProperty(
        name="All Weights", description="Show all weights that can be downloaded", default=False
    )
    search: bpy.props.StringProperty(
        name="Search",
        description="Show only weights with this text in their title or purpose",
        options={"TEXTEDIT_UPDATE"},
    )
    adopted: bpy.props.EnumProperty(  # bundles whose weights new files use; `scene.better_weights` writes it
        items=[(bundle.id.upper(), bundle.title, "") for bundle in bundles.BUNDLES], options={"ENUM_FLAG", "HIDDEN"}
    )
    python: bpy.props.StringProperty(
        name="Own Interpreter",
        description="Your own Python with PyTorch and the other packages, instead of Set Up Backend",
        subtype="FILE_PATH",
        update=look_again,
    )
    device: bpy.props.EnumProperty(name="Device", description="Device that the engines run on", items=DEVICES)
    show_colors: bpy.props.BoolProperty(
        name="Show Colors in Solid Mode",
        description="Show the colors of new meshes instead of grey in Solid mode",
        default=True,
    )

    frame_new: bpy.props.BoolProperty(
        name="Show New Meshes",
        description="Move 3D Views to a new mesh, unless you have turned them or chosen another object meanwhile",
        default=True,
    )

    def draw(self, context):
        layout = self.layout
        setup, seen = session.current().setup, session.current().disk_scan.seen()
        split_properties(layout)
        draw_backend(layout.box(), context, self, setup, seen)
        bundle_rows.draw_bundles(layout.box(), context, seen)
        layout.prop(self, "device")
        layout.prop(self, "show_colors")
        layout.prop(self, "frame_new")
        layout.separator()
        draw_weights(layout, self, seen)
        layout.separator()
        draw_folders(layout, self, setup, seen)
        row = layout.row()
        row.operator("image_to_mesh.show_log", icon="TEXT")
        row.operator("image_to_mesh.copy_report", icon="COPYDOWN")


def draw_backend(layout, context, prefs, setup: Setup, seen: Seen) -> None:
    """State of the environment and the buttons that change it. Each row keeps its place, whatever goes on."""
    task = None if bundle_rows.bundle_of(setup.task) else setup.task  # a bundle shows its own
    draw_state(layout.column(align=True), prefs, setup.is_ready(), task, seen)
    layout.prop(prefs, "variant")
    draw_online_access(layout, context)
    row = layout.row()
    if task and task.running:
        draw_task(row, task, task.stage)
    else:
        ready = setup.is_ready()
        row.operator("image_to_mesh.set_up", text="Repair Backend" if ready else "Set Up Backend", icon="IMPORT")
        row.operator("image_to_mesh.remove_environment", icon="TRASH")


def draw_state(column, prefs, ready: bool, task: BackgroundTask | None, seen: Seen) -> None:
    """Two lines: whether the backend is ready or how the last task ended, and more about that."""
    if task and task.trouble and not task.running:
        column.alert = not task.stopped()  # who stops it knows
        column.label(text=task.trouble.message, icon="ERROR" if column.alert else "INFO")
        column.label(text=task.trouble.remedy, icon="BLANK1")
        return
    if ready:
        column.label(text="The backend is ready", icon="CHECKMARK")
    else:
        column.label(text="The backend is not set up", icon="INFO")
    if task and task.running:
        column.label(text=task.line[-120:], icon="BLANK1", translate=False)
    elif not ready:
        column.label(text=cost(prefs.variant, seen), icon="BLANK1", translate=False)
    else:
        tells = task and (task.title != SETTING_UP or task.stage in cutouts.TROUBLES)
        column.label(text=task.stage if task and tells else "", icon="BLANK1")


def draw_weights(layout, prefs, seen: Seen) -> None:
    """Every set of weights with its size, licence, folder and buttons."""
    opened = prefs.show_weights
    row = layout.row()  # a row of its own: emboss=False would reach the rows below
    row.use_property_split, row.alignment = False, "LEFT"
    row.prop(prefs, "show_weights", icon="TRIA_DOWN" if opened else "TRIA_RIGHT", emboss=False)
    if not opened:
        return
    layout.prop(prefs, "search", text="", icon="VIEWZOOM")
    for part, title in catalog.PARTS.items():
        sets = [weights for weights in catalog.WEIGHTS if weights.part == part and matches(weights, prefs.search)]
        if not sets:
            continue
        box = layout.box()
        box.label(text=title)
        for weights in sets:
            draw_set(box.column(align=True), weights, seen.weights.get(weights.id, {}))


def matches(weights: catalog.Weights, search: str) -> bool:
    """Whether each word of a search stands in a set's title or purpose, in English or in Blender's language."""
    texts = weights.title, weights.purpose, translated(weights.title), translated(weights.purpose)
    return all(word in " ".join(texts).lower() for word in search.lower().split())


def draw_set(column, weights, found: dict) -> None:
    """One set. found: its entry in the answer of `models list`, empty while that is unknown."""
    here, begun = bool(found.get("folder")), found.get("partial", 0)
    split = column.split(factor=0.45)
    size = f", {megabytes(weights.size)}" if weights.repository else ""
    split.label(text=weights.title + size, icon="CHECKMARK" if here else "BLANK1")
    if weights.repository:
        draw_set_buttons(split.row(align=True), weights, found)
    details = column.column(align=True)
    details.active = False
    details.label(text=weights.purpose, icon="BLANK1")
    details.label(text=f"{licence(weights)}. {translated(weights.note)}", icon="BLANK1", translate=False)
    if here:
        details.label(text=f"{found['origin'].capitalize()}: {found['folder']}", icon="BLANK1")
    elif begun:
        details.label(text=f"{megabytes(begun)} downloaded so far", icon="BLANK1")


def draw_set_buttons(row, weights, found: dict) -> None:
    """The buttons of a set; Convert only if there is something to convert."""
    here, begun = bool(found.get("folder")), found.get("partial", 0)
    can_convert = here and weights.convertible and found["origin"] != "converted"
    can_remove = found.get("origin") in {"downloaded", "converted"} or begun > 0

    def button(name: str, enabled: bool, **looks: str) -> None:
        cell = row.row(align=True)
        cell.enabled = enabled
        cell.operator(f"image_to_mesh.{name}_model", **looks).model = weights.id

    button("download", not here, text="Resume" if begun and not here else "Download", icon="IMPORT")
    button("verify", here, text="Verify", icon="CHECKMARK")
    if can_convert:
        button("convert", True, text="Convert", icon="FILE_REFRESH")
    button("remove", can_remove, text="Remove", icon="TRASH")
    row.operator("image_to_mesh.open_model_folder", text="", icon="FILE_FOLDER").model = weights.id


def draw_folders(layout, prefs, setup: Setup, seen: Seen) -> None:
    """Folders and their sizes, once they are measured."""
    layout.prop(prefs, "data_folder")
    layout.prop(prefs, "weights_folder")
    row = layout.row(align=True)
    row.prop(prefs, "python")
    row.operator("image_to_mesh.check_interpreter", text="", icon="CHECKMARK")
    row = layout.row()
    row.label(text=f"Job files: {megabytes(seen.jobs)} ({megabytes(seen.removable)} can be removed)")
    row.operator("image_to_mesh.remove_jobs", icon="TRASH")
    for name, size in (setup.task.sizes if setup.task else {}).items():
        layout.label(text=f"{name}: {megabytes(size)}")
    row = layout.row()
    row.operator("image_to_mesh.measure", icon="FILE_REFRESH")
    row.operator("image_to_mesh.open_folder", icon="FILE_FOLDER")


register, unregister = bpy.utils.register_classes_factory((Preferences,))

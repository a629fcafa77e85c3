# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Preferences: the backend and its environment, weights, folders and their sizes, device, log."""

import bpy

from ...backend.interface import catalog
from ...backend.interface.installer import environment
from .. import session
from ..base.preferences import PACKAGE
from ..setup.disk_scan import Seen
from ..setup.environment import Setup
from ..setup.weights import megabytes
from .base import split_properties, translated

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
        name="Weights", description="Show the weights that can be downloaded", default=True
    )
    python: bpy.props.StringProperty(
        name="Own Interpreter",
        description="Your own Python with PyTorch and the other packages, instead of Set Up Backend",
        subtype="FILE_PATH",
        update=look_again,
    )
    device: bpy.props.EnumProperty(name="Device", description="Device that the engines run on", items=DEVICES)
    show_colors: bpy.props.BoolProperty(
        name="Show Colours in Solid Mode",
        description="Show the colours of new meshes instead of grey in Solid mode",
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
        draw_backend(layout, self, setup)
        layout.separator()
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


def draw_backend(layout, prefs, setup: Setup) -> None:
    """State of the environment and the buttons that change it."""
    task = setup.task
    if task and task.running:
        row = layout.row()
        row.progress(factor=task.overall, text=task.stage)
        row.operator("image_to_mesh.stop_task", text="", icon="CANCEL")
        layout.label(text=task.line[-120:])
        return
    ready = setup.is_ready()
    layout.label(
        text="The backend is ready" if ready else "The backend is not set up", icon="CHECKMARK" if ready else "INFO"
    )
    if task and task.trouble:
        box = layout.box()
        box.alert = not task.stopped()  # who stops it knows
        box.label(text=task.trouble.message, icon="ERROR" if box.alert else "INFO")
        box.label(text=task.trouble.remedy)
    elif task and task.title != "Setting up":
        layout.label(text=task.stage, icon="CHECKMARK")
    layout.prop(prefs, "variant")
    if not bpy.app.online_access and not bpy.app.online_access_override:
        layout.prop(bpy.context.preferences.system, "use_online_access", text="Allow Online Access for the Download")
    row = layout.row()
    row.operator("image_to_mesh.set_up", text="Repair Backend" if ready else "Set Up Backend", icon="IMPORT")
    row.operator("image_to_mesh.remove_environment", icon="TRASH")
    layout.prop(prefs, "python")
    layout.operator("image_to_mesh.check_interpreter", icon="CHECKMARK")


def draw_weights(layout, prefs, seen: Seen) -> None:
    """Every set of weights with its size, licence, folder and buttons."""
    opened = prefs.show_weights
    row = layout.row()  # a row of its own: emboss=False would reach the rows below
    row.use_property_split, row.alignment = False, "LEFT"
    row.prop(prefs, "show_weights", icon="TRIA_DOWN" if opened else "TRIA_RIGHT", emboss=False)
    if not opened:
        return
    layout.prop(prefs, "weights_folder")
    for part, title in catalog.PARTS.items():
        box = layout.box()
        box.label(text=title)
        for weights in catalog.WEIGHTS:
            if weights.part == part:
                draw_set(box.column(align=True), weights, seen.weights.get(weights.id, {}))


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
    licence = f"Licence: {weights.licence}. Commercial use: {weights.commercial_use}. {translated(weights.note)}"
    details.label(text=licence, icon="BLANK1")
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
    row = layout.row()
    row.label(text=f"Job files: {megabytes(seen.jobs)} ({megabytes(seen.removable)} can be removed)")
    row.operator("image_to_mesh.remove_jobs", icon="TRASH")
    for name, size in (setup.task.sizes if setup.task else {}).items():
        layout.label(text=f"{name}: {megabytes(size)}")
    row = layout.row()
    row.operator("image_to_mesh.measure", icon="FILE_REFRESH")
    row.operator("image_to_mesh.open_folder", icon="FILE_FOLDER")


register, unregister = bpy.utils.register_classes_factory((Preferences,))

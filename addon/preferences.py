# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Preferences: the backend and its environment, folders and their sizes, device, log."""

import bpy

from ..backend.interface import environment
from . import PACKAGE

DEVICES = (
    ("AUTO", "Automatic", "The graphics card where there is one, else the processor"),
    ("CPU", "Processor", "Works everywhere, slowly"),
    ("CUDA", "NVIDIA or AMD", "CUDA, or ROCm under its name"),
    ("MPS", "Apple", "The graphics part of Apple's own chips"),
)


def look_again(self, context) -> None:
    from . import setup

    setup.look_again()


class Preferences(bpy.types.AddonPreferences):
    bl_idname = PACKAGE

    variant: bpy.props.EnumProperty(
        name="Variant",
        description="Which build of PyTorch the environment gets",
        items=[(name.upper(), title, text.rstrip(".")) for name, title, text in environment.variants()],
    )
    data_folder: bpy.props.StringProperty(
        name="Data Folder",
        description="Where the environment, the results and the logs lie; empty for the usual place on this system",
        subtype="DIR_PATH",
        update=look_again,
    )
    python: bpy.props.StringProperty(
        name="Own Interpreter",
        description="A Python with PyTorch and the other packages that you keep yourself, instead of Set Up Backend",
        subtype="FILE_PATH",
        update=look_again,
    )
    device: bpy.props.EnumProperty(name="Device", description="Where the work is done", items=DEVICES)
    show_colors: bpy.props.BoolProperty(
        name="Show Colors in Solid Mode",
        description="Let viewports in Solid mode show the colors of new meshes instead of grey",
        default=True,
    )

    def draw(self, context):
        from . import setup

        layout = self.layout
        layout.use_property_split, layout.use_property_decorate = True, False
        draw_backend(layout, self, setup)
        layout.separator()
        layout.prop(self, "device")
        layout.prop(self, "show_colors")
        layout.separator()
        draw_folders(layout, self, setup)
        row = layout.row()
        row.operator("image_to_mesh.show_log", icon="TEXT")
        row.operator("image_to_mesh.copy_report", icon="COPYDOWN")


def draw_backend(layout, prefs, setup) -> None:
    """State of the environment and the buttons that change it."""
    task = setup.task()
    if setup.running():
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
        box.alert = True
        box.label(text=task.trouble.message, icon="ERROR")
        box.label(text=task.trouble.remedy)
    elif task:
        layout.label(text=task.stage, icon="CHECKMARK")
    layout.prop(prefs, "variant")
    if not bpy.app.online_access and not bpy.app.online_access_override:
        layout.prop(bpy.context.preferences.system, "use_online_access", text="Allow Online Access, for the Download")
    row = layout.row()
    row.operator("image_to_mesh.set_up", text="Repair Backend" if ready else "Set Up Backend", icon="IMPORT")
    row.operator("image_to_mesh.remove_environment", icon="TRASH")
    layout.prop(prefs, "python")
    layout.operator("image_to_mesh.check_interpreter", icon="CHECKMARK")


def draw_folders(layout, prefs, setup) -> None:
    """Where things lie and how large they are, once somebody asked."""
    layout.prop(prefs, "data_folder")
    for name, size in setup.sizes().items():
        layout.label(text=f"{name}: {megabytes(size)}")
    row = layout.row()
    row.operator("image_to_mesh.measure", icon="FILE_REFRESH")
    row.operator("image_to_mesh.open_folder", icon="FILE_FOLDER")
    row.operator("image_to_mesh.remove_jobs", icon="TRASH")


def megabytes(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def preferences() -> Preferences:
    return bpy.context.preferences.addons[PACKAGE].preferences


def register() -> None:
    bpy.utils.register_class(Preferences)


def unregister() -> None:
    bpy.utils.unregister_class(Preferences)

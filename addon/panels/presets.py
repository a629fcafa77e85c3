# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Presets: fast, balanced and best, and the artist's own through Blender's system of presets."""

import bpy
from bl_operators.presets import AddPresetBase
from bl_ui.utils import PresetPanel

from ...backend.interface import presets
from ..base.preferences import preferences
from ..settings import scene

FOLDER = "image_to_mesh"
DESCRIPTIONS = {
    "fast": "A coarser mesh, soon",
    "balanced": "What suits most images",
    "best": "As fine as it gets; takes several times as long",
}


class UsePreset(bpy.types.Operator):
    """Set the chosen engine's quality"""

    bl_idname = "image_to_mesh.use_preset"
    bl_label = "Use Preset"
    bl_options = {"REGISTER", "UNDO"}

    name: bpy.props.EnumProperty(
        name="Preset", items=[(name.upper(), name.title(), DESCRIPTIONS[name]) for name in presets.PRESETS]
    )

    def execute(self, context):
        settings = context.scene.image_to_mesh
        engine = scene.chosen_engine(settings)
        for name, value in presets.preset(engine, self.name.lower()).items():
            scene.set_value(settings, preferences(), engine.name, name, value)
        return {"FINISHED"}


class AddPreset(AddPresetBase, bpy.types.Operator):
    """Keep the settings of the chosen engine under a name, or delete such a preset"""

    bl_idname = "image_to_mesh.add_preset"
    bl_label = "Add Image to Mesh Preset"
    preset_menu = "IMAGE_TO_MESH_PT_presets"
    preset_defines = ()  # before 4.5, Blender forgets them when its Python is 3.13

    @property
    def preset_subdir(self) -> str:
        return folder(bpy.context)

    @property
    def preset_values(self) -> list[str]:
        engine = scene.chosen_engine(bpy.context.scene.image_to_mesh)
        names = [parameter.name for parameter in scene.shown(engine)]
        names += ["weights_path"] if scene.WEIGHTS in names else []
        return [f"bpy.context.scene.image_to_mesh.{engine.name}.{name}" for name in names]


class Presets(PresetPanel, bpy.types.Panel):
    bl_idname = "IMAGE_TO_MESH_PT_presets"
    bl_label = "Presets"
    bl_space_type = "VIEW_3D"
    preset_operator = "script.execute_preset"
    preset_add_operator = AddPreset.bl_idname

    @property
    def preset_subdir(self) -> str:
        return folder(bpy.context)

    def draw(self, context):
        for name in presets.PRESETS:
            button = self.layout.operator(UsePreset.bl_idname, text=name.title())
            button.name = name.upper()
        self.layout.separator()
        if bpy.utils.preset_paths(folder(context)):
            super().draw(context)
        else:
            draw_name(self.layout, context.window_manager)


def draw_name(layout, manager: bpy.types.WindowManager) -> None:
    """Where the first preset gets its name: Blender would say "Missing Paths" above it."""
    layout.operator_context = "EXEC_DEFAULT"  # the operator would ask for the name once more
    row = layout.row()
    row.prop(manager, "preset_name", text="")
    row.operator(AddPreset.bl_idname, text="", icon="ADD", emboss=False).name = manager.preset_name


def folder(context) -> str:
    """Where Blender keeps the artist's presets for the chosen engine."""
    return f"{FOLDER}/{scene.chosen_engine(context.scene.image_to_mesh).name}"


classes = (UsePreset, AddPreset, Presets)
register, unregister = bpy.utils.register_classes_factory(classes)

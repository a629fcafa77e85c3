# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""Presets: fast, balanced and best, and the artist's own through Blender's system of presets."""

import bpy
from bl_operators.presets import AddPresetBase

from ...backend.interface import presets
from ..settings import engines
from ..settings.choices import OWN_PATH, WEIGHTS

FOLDER = "image_to_mesh"
DESCRIPTIONS = {
    "fast": "A coarser mesh, quickly",
    "balanced": "Suits most images",
    "best": "The finest mesh; takes several times as long",
}


class IMAGE_TO_MESH_OT_use_preset(bpy.types.Operator):
    """Set the quality of the chosen engine"""

    bl_idname = "image_to_mesh.use_preset"
    bl_label = "Use Preset"
    bl_options = {"REGISTER", "UNDO"}

    name: bpy.props.EnumProperty(
        name="Preset", items=[(name.upper(), name.title(), DESCRIPTIONS[name]) for name in presets.PRESETS]
    )

    def execute(self, context):
        settings = context.scene.image_to_mesh
        engine = engines.chosen_engine(settings)
        for name, value in presets.preset(engine, self.name.lower()).items():
            engines.set_value(settings, engine, name, value)
        return {"FINISHED"}


class IMAGE_TO_MESH_OT_add_preset(AddPresetBase, bpy.types.Operator):
    """Save the chosen engine's settings as a preset, or delete a preset"""

    bl_idname = "image_to_mesh.add_preset"
    bl_label = "Add Image to Mesh Preset"
    preset_menu = "IMAGE_TO_MESH_PT_presets"
    preset_defines = ()  # no names: before 4.5, Blender loses them with Python 3.13

    @property
    def preset_subdir(self) -> str:
        return folder(bpy.context)

    @property
    def preset_values(self) -> list[str]:
        engine = engines.chosen_engine(bpy.context.scene.image_to_mesh)
        names = [parameter.name for parameter in engines.shown(engine)]
        names += [OWN_PATH] if WEIGHTS in names else []
        return [f"bpy.context.scene.image_to_mesh.{engine.name}.{name}" for name in names]


def folder(context) -> str:
    """Blender's folder of the artist's presets for the chosen engine."""
    return f"{FOLDER}/{engines.chosen_engine(context.scene.image_to_mesh).name}"


classes = (IMAGE_TO_MESH_OT_use_preset, IMAGE_TO_MESH_OT_add_preset)
register, unregister = bpy.utils.register_classes_factory(classes)

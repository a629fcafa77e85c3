# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The artist's own presets, through Blender's system of presets."""

import bpy
from bl_operators.presets import AddPresetBase

from ..settings import engines
from ..settings.choices import OWN_PATH, WEIGHTS

FOLDER = "image_to_mesh"


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


register, unregister = bpy.utils.register_classes_factory((IMAGE_TO_MESH_OT_add_preset,))

# SPDX-License-Identifier: GPL-3.0-or-later
"""The part that runs inside Blender: bpy, numpy and the standard library. Nothing imports bpy before register()."""

from importlib import import_module
from types import ModuleType

MODULES = (  # in the order in which Blender has to know them
    "i18n",
    "session",
    "panels.preferences",
    "settings.views",
    "settings.refine",
    "settings.finish",
    "settings.placement",
    "settings.engines",
    "settings.scene",
    "settings.versions",
    "scene.images.input_preview",
    "operators.choose_image",
    "operators.crop",
    "operators.paint_mask",
    "scene.better_weights",
    "operators.generate",
    "operators.batch",
    "operators.jobs",
    "operators.history",
    "operators.result",
    "operators.novel_view",
    "operators.view_rig",
    "operators.views_to_mesh",
    "operators.prompt_views",
    "operators.refine",
    "operators.placement",
    "operators.match_camera",
    "operators.finish",
    "operators.bake",
    "operators.presets",
    "operators.upkeep.setup",
    "operators.upkeep.weights",
    "operators.upkeep.bug_report",
    "panels.menus",
    "panels.presets",
    "panels.main",
    "panels.groups",
    "panels.advanced",
    "panels.history",
    "panels.refine",
    "panels.finish",
    "panels.placement",
    "panels.views",
    "panels.prompt_views",
    "panels.maintenance",
    "panels.notes",
)


def register() -> None:
    for name in MODULES:
        module = import_module("." + name, __package__)
        describe(module)
        module.register()


def describe(module: ModuleType) -> None:
    """Turn operators' docstrings into tooltips of one line; Blender would keep the source's line breaks."""
    for cls in vars(module).values():
        if isinstance(cls, type) and "bl_idname" in vars(cls) and cls.__doc__:
            cls.bl_description = " ".join(cls.__doc__.split())


def unregister() -> None:
    for name in reversed(MODULES):
        import_module("." + name, __package__).unregister()

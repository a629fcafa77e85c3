# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs inside Blender: bpy, numpy and the standard library. One file a subject; no bpy before register()."""

from importlib import import_module
from types import ModuleType

MODULES = (
    "i18n.labels",
    "panels.preferences",
    "settings.views",
    "scene.placement",
    "operators.refine",
    "operators.finish",
    "operators.bake",
    "operators.match_camera",
    "scene.versions",
    "settings.scene",
    "operators.generate",
    "operators.novel_view",
    "operators.view_rig",
    "operators.views_to_mesh",
    "operators.prompt_views",
    "operators.batch",
    "panels.menus",
    "panels.presets",
    "operators.setup",
    "operators.weights",
    "operators.bug_report",
    "panels.main",
    "panels.history",
    "panels.views",
    "panels.prompt_views",
    "panels.refine",
    "panels.placement",
    "panels.finish",
    "i18n.tooltips",
    "session",
)


def register() -> None:
    for name in MODULES:
        module = import_module("." + name, __package__)
        describe(module)
        module.register()


def describe(module: ModuleType) -> None:
    """Let operators' docstrings be their tooltips in one line: Blender would show the source's own lines."""
    for cls in vars(module).values():
        if isinstance(cls, type) and "bl_idname" in vars(cls) and cls.__doc__:
            cls.bl_description = " ".join(cls.__doc__.split())


def unregister() -> None:
    for name in reversed(MODULES):
        import_module("." + name, __package__).unregister()

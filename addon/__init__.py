# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs inside Blender: bpy, numpy and the standard library. One file a subject; no bpy before register()."""

from importlib import import_module
from types import ModuleType

PACKAGE = (__package__ or "").rpartition(".")[0]  # the extension's own name, under which Blender keeps its preferences
MODULES = (
    "translations",
    "preferences",
    "view_settings",
    "placement",
    "refine",
    "finish",
    "maps",
    "camera_match",
    "history",
    "properties",
    "operators",
    "novel_view",
    "rig",
    "views",
    "prompt_views",
    "batch",
    "menus",
    "presets",
    "setup_operators",
    "model_operators",
    "reports",
    "panel",
    "history_panel",
    "views_panel",
    "prompt_views_panel",
    "refine_panel",
    "placement_panel",
    "finish_panel",
    "tooltips",
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

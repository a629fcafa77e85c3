# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs inside Blender: bpy, numpy and the standard library. One file a subject; no bpy before register()."""

from importlib import import_module

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
    "session",
)


def register() -> None:
    for name in MODULES:
        import_module("." + name, __package__).register()


def unregister() -> None:
    for name in reversed(MODULES):
        import_module("." + name, __package__).unregister()

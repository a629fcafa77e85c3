# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences between Blender 4.2 and 5.x. Features are probed; versions are not compared."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import bpy

REC_709 = "Linear Rec.709"


def enable_nodes(material: bpy.types.Material) -> None:
    """Give a material its node tree; from Blender 5.0 on it has one, and the switch will go in 6.0."""
    if not material.node_tree:
        material.use_nodes = True


def light_evenly(world: bpy.types.World) -> None:
    """White light of strength one from everywhere."""
    if not world.node_tree:
        world.use_nodes = True
    background = next(node for node in world.node_tree.nodes if node.type == "BACKGROUND")
    background.inputs["Color"].default_value, background.inputs["Strength"].default_value = (1, 1, 1, 1), 1.0


def can_paste_images() -> bool:
    """Whether this Blender has an operator that pastes an image (the clipboard itself is asked when it runs)."""
    return "clipboard_paste" in dir(bpy.ops.image)


def modal_operators(window: bpy.types.Window) -> list[str]:
    """Names of a window's modal operators, as in TRANSFORM_OT_translate; empty if this Blender does not list them."""
    return [operator.bl_idname for operator in getattr(window, "modal_operators", ())]


@contextmanager
def image_output(scene: bpy.types.Scene, file_format: str) -> Iterator[None]:
    """Let the scene save RGBA images of a format for a moment, whatever the artist has chosen, and put that back."""
    settings = scene.render.image_settings
    wanted = {
        "media_type": "IMAGE",
        "file_format": file_format,
        "color_mode": "RGBA",
        "color_depth": "8",
        "compression": 0,
    }
    wanted = {name: value for name, value in wanted.items() if hasattr(settings, name)}
    before = {name: getattr(settings, name) for name in wanted}
    try:
        for name, value in wanted.items():
            setattr(settings, name, value)
        yield
    finally:
        for name, value in before.items():  # media type first, then the format, which limits the rest
            setattr(settings, name, value)


def works_in_rec709() -> bool:
    """Whether the file's linear light has the primaries of sRGB; Blender 5.0 offers others, and so does OCIO."""
    working = getattr(getattr(bpy.data, "colorspace", None), "working_space", REC_709)
    return working == REC_709 and not os.environ.get("OCIO")


@contextmanager
def plain_view(scene: bpy.types.Scene) -> Iterator[None]:
    """Let the scene save images as sRGB for a moment, without a film's look, and put its color management back."""
    output = scene.render.image_settings
    wanted = (
        (output, "color_management", "OVERRIDE"),
        (output.display_settings, "display_device", "sRGB"),
        (output.view_settings, "view_transform", "Standard"),
        (output.view_settings, "look", "None"),
        (output.view_settings, "exposure", 0.0),
        (output.view_settings, "gamma", 1.0),
        (output.view_settings, "use_curve_mapping", False),
    )
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in wanted]
    try:
        for owner, name, value in wanted:
            with suppress(TypeError):  # a studio's own OCIO may have other names, and gets its own default
                setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in reversed(before):
            with suppress(TypeError):
                setattr(owner, name, value)


def addon_keymap(name: str, space_type: str) -> bpy.types.KeyMap | None:
    """The keymap for shortcuts of add-ons; None in a Blender without a window."""
    config = bpy.context.window_manager.keyconfigs.addon
    return config.keymaps.new(name=name, space_type=space_type) if config else None

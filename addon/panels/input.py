# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel's input: the choice of an image or a prompt, and a picture of what the engine will get."""

from __future__ import annotations

from .. import session
from ..base import compat
from ..base.icons import INPUT
from ..operators.choose_image import IMAGE_TO_MESH_OT_choose_image
from ..operators.paint_mask import is_mask
from ..scene.images import image_editor, input_image
from ..settings import engines
from ..settings.scene import SOURCES
from .base import lines

PICTURE, BORDERS = 7.0, 0.5  # heights in units of a row: of the picture, and of what a box draws around its content
WORD_LINES = 2
LOOKING_WORDS = "Looking at the image"
ALL_WORDS = "All Objects"


def draw_input(layout, context) -> None:
    """Every part keeps its height, whatever is chosen: nothing below moves."""
    settings = context.scene.image_to_mesh
    if "image" not in engines.chosen_engine(settings).inputs:
        layout.prop(settings, "prompt", text="", icon="TEXT", placeholder="Describe the object")
        return
    sources = layout.grid_flow(row_major=True, columns=2, even_columns=True, align=True)  # a row cuts them off
    for identifier, *_ in SOURCES:
        sources.prop_enum(settings, "source", identifier)
    draw_choice(layout.row(align=True), settings)
    session.current().input.want(context.scene)
    column = layout.column(align=True)
    draw_picture(column, context)
    draw_words(column, context)
    row = layout.row(align=True)
    if settings.source == "PROMPT":
        row.operator("image_to_mesh.make_image", text="Again" if input_image.drawn(settings) else "Make Image")
        row.operator("image_to_mesh.use_drawn")
    elif settings.source == "IMAGE" and is_mask(settings.image):
        row.operator("image_to_mesh.mask_brush", text="Erase").blend = image_editor.ERASE
        row.operator("image_to_mesh.mask_brush", text="Restore").blend = image_editor.RESTORE
    else:
        row.operator("image_to_mesh.crop")
        row.operator("image_to_mesh.paint_mask")


def draw_choice(row, settings) -> None:
    """The field of the chosen source."""
    if settings.source == "PROMPT":
        row.prop(settings, "prompt", text="", icon="TEXT", placeholder="Describe the object")
        return
    if settings.source == "FILE":
        row.prop(settings, "filepath", text="", placeholder="Image file")
        row.operator(IMAGE_TO_MESH_OT_choose_image.bl_idname, text="", icon="FILEBROWSER")
    elif settings.source == "IMAGE":
        row.template_ID(settings, "image", open="image.open")
    else:
        row.label(text="The last render", icon="RENDER_STILL")
    if compat.can_paste_images():
        row.operator("image_to_mesh.paste_image", text="", icon="PASTEDOWN")


def draw_picture(layout, context) -> None:
    icon = session.current().icons.shown_id(INPUT)
    if icon:
        layout.template_icon(icon_value=icon, scale=PICTURE)
    else:
        box = layout.box()
        box.ui_units_y = PICTURE
        inner = box.column()  # Blender draws a box as high as what is in it
        inner.ui_units_y = PICTURE - BORDERS
        inner.label(text="", icon="IMAGE_DATA")


def draw_words(layout, context) -> None:
    """How the background was removed, or why there is no picture; where the image shows several objects, which one."""
    shown, settings = session.current().input, context.scene.image_to_mesh
    words = LOOKING_WORDS if shown.waiting else shown.words or input_image.missing(settings)
    if shown.objects < 2:
        lines(layout, context, words, WORD_LINES)
        return
    lines(layout, context, words, WORD_LINES - 1)
    number = settings.object_number
    text = f"{number} / {shown.objects}" if number else ALL_WORDS
    layout.operator("image_to_mesh.pick_object", text=text, translate=not number)

# SPDX-License-Identifier: GPL-3.0-or-later
"""No text of the sidebar is cut off at its default width, in any language."""

from types import SimpleNamespace

import bpy
from layout import Layout, Literal, sidebar
from stage import cases, extension, generate, settings

CONTENT = 226  # pixels of the sidebar at scale 1 for what a panel draws; a panel in a panel has this much less:
INDENT = 10


def translator(language):
    """A text in a language, as Blender shows it."""
    table = extension.i18n.table().get(language, {})

    def translate(text):
        return text if isinstance(text, Literal) else table.get(("*", text), text)

    return translate


def depth_of(panel):
    """How many panels it lies in."""
    parent = getattr(bpy.types, getattr(panel, "bl_parent_id", ""), None)
    return 1 + depth_of(parent) if parent else 0


def panels():
    found = [getattr(bpy.types, name) for name in dir(bpy.types) if name.startswith("IMAGE_TO_MESH_PT_")]
    return [panel for panel in found if panel.bl_region_type == "UI" and panel.bl_idname != "IMAGE_TO_MESH_PT_presets"]


def cut_off(language):
    """(panel, text) of every text that is wider than its place."""
    for panel in panels():
        if hasattr(panel, "poll") and not panel.poll(sidebar()):
            continue
        layout = Layout()
        with extension.speaking(translator(language)):
            own = {name: getattr(panel, name) for name in ("task", "shown_above") if hasattr(panel, name)}
            panel.draw(SimpleNamespace(layout=layout, **own), sidebar())
        width = CONTENT - INDENT * depth_of(panel)
        for text in [*layout.cut_off(width, translator(language))]:
            yield panel.bl_idname, text
        title = Layout()
        title.label(panel.bl_label)
        for text in title.cut_off(width - 30, translator(language)):
            yield panel.bl_idname, text


def check_the_measure_knows_a_text_that_is_too_long():
    layout = Layout()
    row = layout.row()
    row.operator("image_to_mesh.crop")
    row.operator("image_to_mesh.crop", text="A button with many words in it")
    assert [*layout.cut_off(CONTENT, str)] == ["A button with many words in it"]
    assert [*layout.cut_off(2 * CONTENT, str)] == []


@cases(English=("en_US",), German=("de_DE",), Japanese=("ja_JP",), Korean=("ko_KR",), Chinese=("zh_HANS",))
def check_nothing_is_cut_off(language):
    """With each source of images, each engine, and a result."""
    wrong = set()
    generate()
    for source in ("FILE", "IMAGE", "RENDER", "PROMPT"):
        settings().source = source
        wrong.update(cut_off(language))
    for engine in extension.tasks.MESH_TASKS:
        settings().engine = engine.name.upper()
        wrong.update(cut_off(language))
    assert not wrong, "\n".join(f"{panel}: {text}" for panel, text in sorted(wrong))

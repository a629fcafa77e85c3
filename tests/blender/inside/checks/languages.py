# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel's words in other languages."""

from pathlib import Path

import bpy
from stage import extension, settings


def labels():
    """Every English word of the extension that Blender shows: of panels, operators, properties, choices."""
    words = {name.title() for name in extension.engine_presets.PRESETS}
    for name in dir(bpy.types):
        kind = getattr(bpy.types, name)
        if "image_to_mesh" in getattr(kind, "__module__", ""):
            words.add(getattr(kind, "bl_label", ""))
            words |= {p.name for p in kind.bl_rna.properties}
    ours, declared = settings(), extension.tasks.TASKS
    groups = [ours, ours.finish, ours.refine, ours.placement, *(getattr(ours, e.name) for e in declared)]
    words |= {p.name for group in groups for p in group.bl_rna.properties}
    for path in Path(extension.main_panel.__file__).parent.glob("*.py"):
        words |= set(path.read_text("utf-8").split('"'))
    return words


def check_every_translation_has_a_word_that_is_shown():
    words = extension.labels.WORDS
    assert not set(words) - labels(), set(words) - labels()
    assert all(len(row) == 4 and all(row) for row in words.values())


def check_the_table_is_as_blender_wants_it():
    """The table alone: bpy is built without languages. The window's script of this name sees them."""
    table = extension.labels.table()
    assert set(table) == {"de_DE", "ja_JP", "ko_KR", "zh_HANS"}
    assert table["de_DE"]["Operator", "Again"] == "Noch einmal" and table["zh_HANS"]["*", "Settings"] == "设置"


def check_tooltips_are_one_line_and_translated():
    tooltips, drawn = extension.tooltips, list(dir(bpy.ops.image_to_mesh))
    shown = {name: getattr(bpy.ops.image_to_mesh, name).get_rna_type().description for name in drawn}
    assert set(tooltips.TOOLTIPS) <= set(drawn)
    assert all(text and "\n" not in text and "  " not in text for text in shown.values()), shown
    table = tooltips.table()
    for name, words in tooltips.TOOLTIPS.items():
        assert len(words) == 4 and all(words) and not any(word.rstrip().endswith(".") for word in words)
        assert table["de_DE"]["*", shown[name]] == words[0]

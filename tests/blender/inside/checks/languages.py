# SPDX-License-Identifier: GPL-3.0-or-later
"""Every text that the extension shows has a translation in each language, and every translation is shown. A new engine
may stay English as a whole, until its help is translated."""

import ast
import itertools
import re
from pathlib import Path
from unittest.mock import MagicMock

import blf
import bpy
from bl_operators.presets import AddPresetBase
from layout import FONT, POINTS, sidebar
from stage import extension, settings

UNTRANSLATED = {"AMD", "Apple", "Image to Mesh", "LoRA", "NVIDIA", "NeuS", "SDS", "SJC"}  # and names of weights
REASON = re.compile(r"(why|missing|not|nothing|time_left)(_|$)")  # functions whose answer is drawn
STAGE = re.compile(r"\w*(STAGES?|_WORDS)$")  # constants that name stages, or what is filled in with numbers


def check_every_text_is_translated_and_every_translation_is_shown():
    names = UNTRANSLATED | {weights.title for weights in extension.catalog.WEIGHTS if weights.repository}
    rows = set(extension.i18n.rows())
    english = [task for task in extension.tasks.MESH_TASKS if task.help not in rows]
    texts = {text for text in shown(english) if re.search(r"[^\W\d_]", text)}
    assert names <= texts, names - texts
    assert not texts - rows - names, "\n".join(["Not translated:", *sorted(texts - rows - names)])
    assert not rows - texts, "\n".join(["Translated, but not shown:", *sorted(rows - texts)])


def check_every_row_has_a_text_of_one_line_for_each_language():
    assert len(extension.i18n.rows()) == sum(len(subject.ROWS) for subject in extension.i18n.SUBJECTS)
    for english, row in extension.i18n.rows().items():
        assert len(row) == len(extension.i18n.LANGUAGES), english
        for text in (english, *row):
            assert text.strip() == text and text and "\n" not in text and "  " not in text, text
            assert (text[-1] in ".。") == (english[-1] == "."), text  # only sentences end with a period


def check_the_table_is_as_blender_wants_it():
    """The table alone: bpy is built without languages. The window's script of this name sees them."""
    table = extension.i18n.table()
    assert set(table) == {"de_DE", "ja_JP", "ko_KR", "zh_HANS"}
    assert table["de_DE"]["Operator", "Again"] == "Noch einmal" and table["zh_HANS"]["*", "Settings"] == "设置"


def check_hints_are_broken_into_lines_by_the_width_of_their_letters():
    """Between words, and between any two letters of East Asia. No line is wider than the room, nothing is lost, and no
    word of the next line would have fitted."""
    column = (layout := MagicMock()).column.return_value
    for text, blank in (("some words of a hint that is long " * 3, " "), ("画像は大きい" * 10, "")):
        extension.panel_parts.wrapped(layout, sidebar(), text)
        lines = [call.kwargs["text"] for call in column.label.call_args_list]
        column.reset_mock()
        assert blank.join(lines) == text.strip()
        blf.size(FONT, POINTS)
        for line, following in itertools.pairwise(lines):
            assert blf.dimensions(FONT, line)[0] <= 200, line
            word = following.split()[0] if blank else following[0]
            assert blf.dimensions(FONT, line + blank + word)[0] > 200, line


def check_an_engine_that_nobody_has_translated_is_left_out():
    lrm = extension.tasks.LRM
    missing = set(shown([])) - set(shown([lrm]))
    assert {lrm.title, lrm.help, "Threshold"} <= missing, missing


def shown(english):
    """All texts: those of registered classes, of the backend's declarations, and constants in the sources, but
    for those of the tasks in `english`."""
    names, own = {task.name for task in english}, {text for task in english for text in (task.title, task.help)}
    buttons = [getattr(bpy.ops.image_to_mesh, name).get_rna_type() for name in dir(bpy.ops.image_to_mesh)]
    for rna in buttons:
        yield from (rna.name, rna.description)
    for rna in [*buttons, settings().bl_rna, extension.preferences().bl_rna]:
        yield from (text for text in texts_of(rna, names) if text not in own)
    kinds = [getattr(bpy.types, name) for name in dir(bpy.types)]
    yield from (getattr(kind, "bl_label", "") for kind in kinds if "image_to_mesh" in getattr(kind, "__module__", ""))
    for task in extension.tasks.TASKS:
        yield from (text for _, *texts, _, _ in extension.choices.weights_items(task) for text in texts)
    for weights in extension.catalog.WEIGHTS:
        yield from (weights.title, weights.purpose, weights.note)
    yield from extension.catalog.PARTS.values()
    for bundle in extension.bundles.BUNDLES:
        yield from (bundle.title, bundle.gain)
    yield from extension.bundles.TERMS.values()
    root = Path(extension.main_panel.__file__).parents[2]
    for path in [*(root / "addon").rglob("*.py"), *(root / "backend").rglob("*.py")]:
        if path.parent.name == "engines" and path.stem in names:
            continue
        tree = ast.parse(path.read_text("utf-8"))
        named = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
        for part in (part for node in ast.walk(tree) for part in drawn_parts(node)):
            yield from strings(part, named)


def texts_of(rna, without=()):
    """Names and descriptions of the properties that a class adds to Blender's, of their choices and groups, but for the
    groups named in `without`. Hidden ones are never drawn, and Blender translates those of its own operator for
    presets."""
    blenders = set(rna.base.properties.keys()) if rna.base else set()
    if rna.identifier == extension.presets.IMAGE_TO_MESH_OT_add_preset.__name__:
        blenders |= set(AddPresetBase.__annotations__)
    for p in rna.properties:
        if p.identifier in {*blenders, *without} or p.is_hidden:
            continue
        if p.type == "POINTER" and p.fixed_type.base and p.fixed_type.base.identifier == "PropertyGroup":
            yield from texts_of(p.fixed_type)
            continue
        yield from (p.name, p.description)
        for item in p.enum_items if p.type == "ENUM" else ():
            yield from (item.name, item.description)


def drawn_parts(node):
    """The parts of a node of a source whose strings are drawn: texts of buttons and labels, reasons, tooltips, stages,
    and the entry of an empty menu."""
    if isinstance(node, ast.Call):
        yield from (
            keyword.value for keyword in node.keywords if keyword.arg in {"text", "confirm_text", "placeholder"}
        )
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        first = {"say": 0, "update": 0, "begin": 0, "plan": 0, "menu": 1, "wrapped": 2}.get(name, 9)
        yield from node.args[first : first + 1 + (name == "menu")]
    elif isinstance(node, ast.FunctionDef) and (REASON.match(node.name) or node.name == "description"):
        yield from (part.value for part in ast.walk(node) if isinstance(part, ast.Return) and part.value)
    elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
        target = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
        yield from [node.value] if STAGE.match(target) or ".stage" in target else ()


def strings(node, named):
    """The strings that an expression may be, or has as elements or keys; {...}[x] may be any of its values."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    parts = {
        ast.Name: lambda: [named[node.id]] if node.id in named else [],
        ast.IfExp: lambda: [node.body, node.orelse],
        ast.BoolOp: lambda: node.values,
        ast.Tuple: lambda: node.elts,
        ast.Dict: lambda: [key for key in node.keys if key],
        ast.Subscript: lambda: getattr(node.value, "values", ()),
    }
    for part in parts.get(type(node), list)():
        yield from strings(part, named)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts in other languages, for Blender's own translation: a file for each subject, a row for each English text."""

import bpy

from . import backend, bundles, buttons, engines, labels, mesh_use, parameters, reasons, settings, weights

LANGUAGES = ("de_DE", "ja_JP", "ko_KR", "zh_HANS")  # of a row's texts, in their order
OWN_CONTEXT = "Image to Mesh"  # of the quality: Blender's own German for "Fast" is a verb
CONTEXTS = ("*", "Operator", OWN_CONTEXT)  # of labels and tooltips, and of buttons
SUBJECTS = (labels, buttons, bundles, settings, engines, parameters, weights, backend, reasons, mesh_use)


def rows() -> dict[str, tuple[str, ...]]:
    """A text in each of LANGUAGES, by the English text."""
    return {english: row for subject in SUBJECTS for english, row in subject.ROWS.items()}


def table() -> dict[str, dict[tuple[str, str], str]]:
    """Texts by language, by (context, English text), as Blender takes them."""
    found = rows().items()
    return {
        language: {(context, english): row[i] for english, row in found for context in CONTEXTS}
        for i, language in enumerate(LANGUAGES)
    }


def register() -> None:
    bpy.app.translations.register(__name__, table())


def unregister() -> None:
    bpy.app.translations.unregister(__name__)

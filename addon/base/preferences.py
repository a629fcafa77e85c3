# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension's preferences, as every room reads them."""

from __future__ import annotations

import bpy

PACKAGE = (__package__ or "").rpartition(".addon")[0]  # the name under which Blender knows the extension


def preferences():
    """The extension's AddonPreferences (panels.preferences.Preferences)."""
    return bpy.context.preferences.addons[PACKAGE].preferences

# SPDX-License-Identifier: GPL-3.0-or-later
"""The ground floor of the add-on: preferences, errors, arrays, cameras, icons, Blender's versions."""

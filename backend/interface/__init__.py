# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared by the add-on and the backend: messages, parameters, weights. Standard library only; relative imports
only, because Blender imports this package under a name of its own."""

# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend of Image to Mesh: a process of its own, with its own environment; never imports bpy."""

__version__ = "0.1.0"

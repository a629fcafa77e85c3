# SPDX-License-Identifier: GPL-3.0-or-later
"""Meshes, cameras, rasterisation and volume rendering, all in Blender's frame."""

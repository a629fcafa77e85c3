# SPDX-License-Identifier: GPL-3.0-or-later
"""Mesh extraction and processing: marching cubes, visual hull, cleaning, textures, files."""

# SPDX-License-Identifier: GPL-3.0-or-later
"""Cameras, rays and volume rendering, in the one frame of the house (Blender's)."""

# SPDX-License-Identifier: GPL-3.0-or-later
"""From a field to a mesh: marching cubes, vertex colours, clean-up, files."""

# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend's environment, sets of weights and folders, as Blender sees them."""

# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels, menus and preferences: drawing and nothing else."""

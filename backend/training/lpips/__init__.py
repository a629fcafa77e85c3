# SPDX-License-Identifier: GPL-3.0-or-later
"""LPIPS (Zhang et al. 2018): how different two images look."""

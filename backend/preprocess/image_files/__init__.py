# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixels of image files: every mode and color space, as sRGB."""

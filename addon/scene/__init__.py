# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the artist's scene and putting results into it."""

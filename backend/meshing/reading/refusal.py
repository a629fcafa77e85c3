# SPDX-License-Identifier: GPL-3.0-or-later
"""The readers' own refusals, whose texts are for artists, unlike those of numpy and Python about damaged files."""


class Unreadable(ValueError):
    """A mesh file cannot be used; the text goes on from "cannot be read as a mesh: "."""

# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception that is shown to the artist."""

from __future__ import annotations


class Trouble(Exception):
    """An error for the artist: what happened, and what to do. `kind` is one of the protocol's kinds of failure."""

    def __init__(self, message: str, remedy: str = "", kind: str = "environment"):
        super().__init__(message)
        self.message, self.remedy, self.kind = message, remedy, kind

    def sentences(self) -> str:
        return sentences(self.message, self.remedy)


def sentences(*parts: str) -> str:
    """The parts that are not empty as sentences in one line."""
    return " ".join(part.rstrip(".") + "." for part in parts if part)


def one_line(error: Exception) -> str:
    """An error's message without the line breaks that Blender puts into its own."""
    return " ".join(str(error).split())

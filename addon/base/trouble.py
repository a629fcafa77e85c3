# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception that is shown to the artist."""

from __future__ import annotations


class Trouble(Exception):
    """What happened, and what to do about it. `kind` is one of the protocol's kinds of failure."""

    def __init__(self, message: str, remedy: str = "", kind: str = "environment"):
        super().__init__(message)
        self.message, self.remedy, self.kind = message, remedy, kind


def sentences(*parts: str) -> str:
    """What happened and what to do, in one line."""
    return " ".join(part.rstrip(".") + "." for part in parts if part)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors that several rooms raise. Message and remedy are written for an artist."""

from __future__ import annotations


class ImageError(ValueError):
    """The image cannot be used: the message says what is wrong with it, `remedy` what to do."""

    def __init__(self, message: str, remedy: str = "Choose another image.") -> None:
        super().__init__(message)
        self.remedy = remedy


def one_line(error: BaseException) -> str:
    """An exception's text on one line, without a full stop, at most 200 characters; its type where it has no text."""
    return (" ".join(str(error).split()) or type(error).__name__)[:200].rstrip(".")

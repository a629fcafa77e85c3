# SPDX-License-Identifier: GPL-3.0-or-later
"""Recognises what often lies in the place of a file of weights: nothing, a pointer of Git LFS, a web page."""

from __future__ import annotations

from pathlib import Path

PEEK = 256  # bytes from which a stand-in is recognised
LFS = b"version https://git-lfs.github.com/spec/"
PAGES = b"<!doctype", b"<html", b"<?xml", b"<head"


def find_stand_in(start: bytes) -> str:
    """The reason why a file that begins so is no file of weights, "" if it may be one."""
    if not start:
        return "it is empty"
    if start.startswith(LFS):
        return "it is a pointer of Git LFS, not the file itself. Run in its folder: git lfs pull"
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(PAGES):
        return "it is a web page, saved in place of the file"
    if not start.strip(b"\0"):
        return "it holds nothing but zeros: a download broke off"
    return ""


def stand_in(file: Path) -> str:
    """The reason why a file on disk is no file of weights, "" if it may be one or cannot be read."""
    try:
        with file.open("rb") as stream:
            return find_stand_in(stream.read(PEEK))
    except OSError:
        return ""

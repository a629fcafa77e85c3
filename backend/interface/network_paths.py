# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths whose opening would ask another computer: Windows sends it the user's name and a hash of the password."""

from __future__ import annotations

import re

ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/", re.IGNORECASE)  # one letter before the colon is a drive
DRIVE = re.compile(r"[a-z]:", re.IGNORECASE)
DEVICES = ("?", ".")  # \\?\C:\a and \\.\C:\a name a drive, \\?\UNC\host\share a computer


def other_computer(path: str) -> str:
    """The computer, or the kind of address (such as "smb:"), that opening a path would ask; empty for a path on this
    computer. Slashes of both kinds count on every system, and nothing is opened to find out."""
    plain = path.strip().replace("\\", "/")
    if address := ADDRESS.match(plain):
        return address[1].lower() + ":"
    parts = [part for part in plain.split("/") if part]
    if not plain.startswith("//") or not parts:
        return ""
    if parts[0] in DEVICES:
        parts = parts[1:]
        if parts and DRIVE.fullmatch(parts[0]):
            return ""
        parts = parts[1:] if parts and parts[0].upper() == "UNC" else parts
    return parts[0].lower() if parts else "?"

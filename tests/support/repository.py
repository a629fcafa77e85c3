# SPDX-License-Identifier: GPL-3.0-or-later
"""The repository's own texts."""

import os
from pathlib import Path

from tests.support import ROOT

SKIPPED = {"build", "dist", "__pycache__", "node_modules", "shared"}
ENDINGS = {".py", ".toml", ".md", ".json", ".txt", ".yml", ".yaml", ".cff", ""}


def texts() -> list[Path]:
    """All texts of the repository, without folders that git ignores."""
    found = []
    for parent, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in SKIPPED and (not f.startswith(".") or f in {".ci", ".github"})]
        found += [Path(parent, name) for name in names if Path(name).suffix in ENDINGS and name != ".git"]
    assert len(found) > 50
    return found

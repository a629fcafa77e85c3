# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed weights of Segment Anything, found without torch: importing that takes seconds."""

from __future__ import annotations

from pathlib import Path

from ..interface import catalog
from ..weights.store import store

SETS = ("sam-vit-huge", "sam-vit-h", "sam-vit-base")  # best first


def find_sam() -> Path | None:
    """The folder or checkpoint of the best installed Segment Anything, None if there is none."""
    for name in SETS:
        if (folder := store.locate(name)) is not None:
            files = catalog.weights(name).files
            return folder / files[0].path if len(files) == 1 else folder
    return None

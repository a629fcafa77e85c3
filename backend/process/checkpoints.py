# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints of optimisations: state.pt in a job's folder, and in folders of it for later stages."""

from __future__ import annotations

from pathlib import Path

from ..interface.files import write_whole
from ..runtime.progress import CHECKPOINT


def find_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a job, its stages in no order; none where there is no such folder."""
    return [path for pattern in (CHECKPOINT, f"*/{CHECKPOINT}") for path in folder.glob(pattern) if path.is_file()]


def copy_checkpoints(source: Path, target: Path) -> None:
    """Copy the checkpoints of one job into the folder of another, which then goes on from them. OSError."""
    for path in find_checkpoints(source):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(exist_ok=True)
        write_whole(copy, path.read_bytes())

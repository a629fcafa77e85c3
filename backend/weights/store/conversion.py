# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts a published checkpoint to a folder of half-precision safetensors, which loads quickly."""

from __future__ import annotations

import shutil
from pathlib import Path

from ...interface.catalog import Weights, WeightsError
from ...interface.files import PART
from . import store
from .store import Progress

LARGEST = 3_000_000_000  # bytes; more than any converted Zero123 takes


def convert(checkpoint: Path, folder: Path, progress: Progress) -> tuple[int, int]:
    """Write the networks of a checkpoint to a new folder; returns the bytes of the checkpoint and of the folder.

    A cancelled conversion leaves nothing behind. Raises WeightsError, OSError.
    """
    from ..loaders.zero123 import convert as write  # here, because it brings torch

    if folder.exists():
        raise WeightsError(f"{folder} exists already.", "Remove it, or choose another folder.")
    part = folder.with_name(folder.name + PART)
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        free, needed = shutil.disk_usage(part).free, min(checkpoint.stat().st_size, LARGEST)
        if free < needed:
            raise store.DiskError(f"{folder.name} needs {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free.")
        sizes = write(checkpoint, part, progress)
        paths = [path.relative_to(part).as_posix() for path in sorted(part.rglob("*")) if path.is_file()]
        store.write_marker(part, store.sum_files(part, paths, progress))
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return sizes


def remove_original(weights: Weights) -> int:
    """Delete the download of a converted set, but not the conversion; returns the bytes freed."""
    folder, freed = store.folder_of(weights), 0
    for path in sorted(folder.rglob("*"), reverse=True):
        if store.CONVERTED in path.relative_to(folder).parts:
            continue
        if path.is_dir():
            path.rmdir()
        else:
            freed += path.stat().st_size
            path.unlink()
    return freed

# SPDX-License-Identifier: GPL-3.0-or-later
"""The LRM's training sets: images and labels of all meshes, as they are and stretched in several ways."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

from .framed import FramedViews, open_framed, render_framed
from .labels import Labels, make_labels, open_labels
from .meshes import list_meshes

PARTS = 16  # of each set, made by one process at a time


@dataclass
class TrainingSet:
    """Views and labels of meshes, all stretched in one way."""

    views: FramedViews
    labels: Labels
    entries: list[tuple[str, str, Path]]  # the meshes, see `list_meshes`
    stretching: int


def make_training_sets(meshes: Path, folder: Path, stretchings: int, workers: int) -> None:
    """Render and label every mesh as it is and stretched in `stretchings` ways, into a folder per set, which a later
    call completes."""
    from rich.progress import track

    names = [name for name, _, _ in list_meshes(meshes, "all")]
    for stretching in range(stretchings + 1):  # the files are there before several processes write to them
        open_framed(folder / str(stretching) / "views", names)
        open_labels(folder / str(stretching) / "labels", names)
    jobs = list(product(range(stretchings + 1), range(PARTS)))
    with ProcessPoolExecutor(workers) as pool:
        for _ in track(pool.map(partial(make_part, meshes, folder), *zip(*jobs, strict=True)), total=len(jobs)):
            pass


def make_part(meshes: Path, folder: Path, stretching: int, part: int) -> None:
    """Render and label every PARTS-th mesh of a set."""
    chosen = slice(part, None, PARTS)
    render_framed(meshes, folder / str(stretching) / "views", stretching, chosen)
    make_labels(meshes, folder / str(stretching) / "labels", stretching, chosen)


def open_training_sets(meshes: Path, folder: Path) -> list[TrainingSet]:
    """Open what `make_training_sets` made of these meshes. Raises ValueError if there is nothing, or of others."""
    entries = list_meshes(meshes, "all")
    names = [name for name, _, _ in entries]
    stretchings = sorted(int(f.name) for f in folder.glob("[0-9]*"))
    if not stretchings:
        raise ValueError(f"{folder} holds no training sets. Run train lrm-data first.")
    sets = []
    for stretching in stretchings:
        views, labels = folder / str(stretching) / "views", folder / str(stretching) / "labels"
        sets.append(TrainingSet(open_framed(views, names), open_labels(labels, names), entries, stretching))
    return sets

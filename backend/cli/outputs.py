# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that a command writes: whatever can be known of them is checked before any work, and no result is lost."""

from __future__ import annotations

import errno
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..interface.installer.environment import default_data_folder
from ..interface.parameters import ParameterError

if TYPE_CHECKING:
    from ..meshing.files import MeshFileError

UNTEXTURED = (".ply", ".stl")  # endings of mesh files that hold no texture
RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{name}{i}" for name in ("COM", "LPT") for i in range(1, 10))}
KEPT = "kept"  # folder of the data folder for results that could not be written where they should
SAMPLE = bytes(1 << 12)  # which a disk must have room for


def check_mesh_file(path: Path, texture: str | None = None) -> None:
    """ParameterError or MeshFileError where no mesh can be written. texture: as it was asked for, None for not."""
    from ..meshing.files import ENDINGS
    from ..meshing.textured_files import beside

    ending = path.suffix.lower()
    if ending in UNTEXTURED and texture not in (None, "off"):
        remedy = f"Use .glb or .obj, or leave texture={texture} out."
        raise ParameterError(f"A {ending} file holds no texture.", remedy)
    check_output(path, ENDINGS, [beside(path, "_texture.png"), beside(path, ".mtl")] if ending == ".obj" else [])


def check_output(path: Path, endings: tuple[str, ...] = (".png",), others: list[Path] | None = None) -> None:
    """ParameterError or MeshFileError where no file with one of these endings can be written, or none of the others
    beside it."""
    from ..meshing.files import unwritable

    if path.suffix.lower() not in endings:
        raise ParameterError(f"{path.name!r} must end in {', '.join(endings)}.")
    if os.name == "nt" and is_reserved(path.name):
        raise ParameterError(f"Windows allows no file called {path.name!r}.")
    try:
        try_to_write(path, others or [])
    except OSError as error:
        raise unwritable(path, error) from error


def try_to_write(path: Path, others: list[Path]) -> None:
    """Make files of the same names in a new folder within the output's, and remove them again. OSError."""
    from ..meshing.files import target_of

    target = target_of(path)
    names = [target.name, *(other.name for other in others)]
    with folder_for(target):
        for name in names:
            with suppress(FileNotFoundError):
                target.with_name(name).lstat()  # says whether the path is too long
        try:
            with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as trial:
                for name in names:
                    Path(trial, name).write_bytes(SAMPLE)
        except OSError as error:
            if error.errno not in (
                errno.ENAMETOOLONG,
                errno.ENOENT,
            ):  # of the trial's path alone; the latter on Windows
                raise


@contextmanager
def folder_for(path: Path) -> Iterator[None]:
    """Meanwhile the folder of a file is there; what was made for it is removed. OSError."""
    missing = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with suppress(OSError):
            for folder in missing:
                folder.rmdir()


def is_reserved(name: str) -> bool:
    """Whether Windows takes a file's name for a device, a stream of another file, or another name."""
    return name.partition(".")[0].rstrip().upper() in RESERVED or ":" in name or name != name.rstrip(" .")


def write_or_keep(write: Callable[[Path], None], path: Path) -> MeshFileError | None:
    """Write a result by `write`, which raises MeshFileError. Where that fails, it is written into the data folder or
    the temporary folder, and the error, which names that place, is returned. Raises the error if nothing helps."""
    from ..meshing.files import MeshFileError

    try:
        with suppress(OSError):  # `write` says why
            path.parent.mkdir(parents=True, exist_ok=True)
        write(path)
        return None
    except MeshFileError as error:
        failed = error
    name = f"{time.strftime('%Y-%m-%d-%H%M%S')}-{os.getpid()}{path.suffix}"
    for find in (lambda: default_data_folder() / KEPT, lambda: Path(tempfile.gettempdir())):
        with suppress(MeshFileError, OSError, RuntimeError):  # the last: there is no home
            place = find() / name
            place.parent.mkdir(parents=True, exist_ok=True)
            write(place)
            return MeshFileError(f"{failed} The result is kept as {place}.", failed.remedy)
    raise failed

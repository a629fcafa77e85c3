# SPDX-License-Identifier: GPL-3.0-or-later
"""Making and saving a mesh, and the checkpoints that let a cancelled optimisation be resumed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import engines
from ..interface.files import LONGEST_NAME, locked, shortened
from ..interface.parameters import ParameterError
from ..interface.task import Task
from ..process.checkpoints import copy_checkpoints, find_checkpoints
from ..runtime.progress import CURVES, Cancelled
from . import console
from .outputs import write_or_keep

ENDING = ".checkpoint"  # of the folder beside the mesh
LOCK = "in-use"
Resume = Annotated[
    Path | None,
    typer.Option(help="Go on from a checkpoint: the folder that a cancelled command or a job in Blender left."),
]


def make_mesh(
    declared: Task[Any],
    inputs: dict[str, Any],
    values: Any,
    seed: int,
    output: Path,
    as_json: bool,
    resume: Path | None = None,
    known: Sequence[str] = (),
) -> engines.MeshResult:
    """Run a task and save its mesh; where it optimises, keep checkpoints meanwhile. known: warnings that are known
    before. Raises what `run` raises, and MeshFileError where the mesh had to be kept elsewhere."""
    from ..meshing.files import save
    from ..process.run import run

    if resume is not None and not declared.optimises:
        raise ParameterError(f"{declared.title} does not optimise, so it cannot resume.", "Leave --resume out.")
    keeping = checkpoints(output, resume) if declared.optimises else nullcontext()
    with keeping as folder, console.working(as_json, None, declared.optimises, folder, known) as progress:
        result = run(engines.Request(declared.name, inputs, values, seed), progress, engines.load)
        assert isinstance(result, engines.MeshResult)
        kept_elsewhere = write_or_keep(lambda path: save(result.mesh, path), output)
    if kept_elsewhere:
        raise kept_elsewhere
    return result


@contextmanager
def checkpoints(output: Path, resume: Path | None) -> Iterator[Path]:
    """The folder for checkpoints beside the mesh: removed at the end, left where the work is cancelled or fails.

    resume: a folder with checkpoints, or a checkpoint in one, to go on from. Raises ParameterError, OSError.
    """
    folder = output.with_name(shortened(output.name, LONGEST_NAME - len(ENDING)) + ENDING)
    source = resume.parent if resume is not None and resume.is_file() else resume
    if source is not None and not find_checkpoints(source):
        raise ParameterError(f"There is no checkpoint in {source}.", "Check the name of the folder.")
    is_own = source is not None and source.resolve() == folder.resolve()
    if find_checkpoints(folder) and not is_own:
        remedy = f"Add --resume {folder}, or delete it."
        raise ParameterError(f"{folder} has the checkpoint of an earlier run.", remedy)
    with alone_in(folder):
        if source is not None and not is_own:
            copy_checkpoints(source, folder)
        try:
            yield folder
        except BaseException as error:
            if isinstance(error, Cancelled) and find_checkpoints(folder):
                error.remedy = f"To go on, repeat the command with --resume {folder}"
            raise
        remove_checkpoints(folder)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Make a folder that no other process uses meanwhile, and remove it if it is empty in the end. ParameterError if
    it is in use, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / LOCK
    with ExitStack() as held:
        try:
            held.enter_context(locked(lock))
        except BlockingIOError:
            raise ParameterError(f"Another run uses {folder}. Wait until it ends, or choose another output.") from None
        try:
            yield
        finally:
            held.close()  # Windows deletes no file that is open
            with suppress(OSError):
                lock.unlink()
                folder.rmdir()


def remove_checkpoints(folder: Path) -> None:
    """Delete checkpoints, and the folders of stages that are empty then."""
    for path in find_checkpoints(folder):
        path.unlink()
        path.with_name(CURVES).unlink(missing_ok=True)
        if path.parent != folder:
            with suppress(OSError):
                path.parent.rmdir()

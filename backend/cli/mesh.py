# SPDX-License-Identifier: GPL-3.0-or-later
"""Making and saving a mesh, and the checkpoints that let a cancelled optimisation be resumed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import engines
from ..interface.parameters import ParameterError
from ..interface.task import Task
from ..process.checkpoints import copy_checkpoints, find_checkpoints
from ..runtime.progress import CURVES, Cancelled
from . import console

ENDING = ".checkpoint"  # of the folder beside the mesh
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
) -> engines.MeshResult:
    """Run a task and save its mesh; where it optimises, keep checkpoints meanwhile. Raises what `run` raises."""
    from ..meshing.files import save
    from ..process.run import run

    if resume is not None and not declared.optimises:
        raise ParameterError(f"{declared.title} does not optimise, so it cannot resume.")
    keeping = checkpoints(output, resume) if declared.optimises else nullcontext()
    with keeping as folder, console.working(as_json, can_stop=declared.optimises, folder=folder) as progress:
        result = run(engines.Request(declared.name, inputs, values, seed), progress, engines.load)
        assert isinstance(result, engines.MeshResult)
        save(result.mesh, output)
    return result


@contextmanager
def checkpoints(output: Path, resume: Path | None) -> Iterator[Path]:
    """The folder for checkpoints beside the mesh: removed at the end, left where the work is cancelled or fails.

    resume: a folder with checkpoints, or a checkpoint in one, to go on from. Raises ParameterError, OSError.
    """
    folder = output.with_name(output.name + ENDING)
    source = resume.parent if resume is not None and resume.is_file() else resume
    if source is not None and not find_checkpoints(source):
        raise ParameterError(f"There is no checkpoint in {source}.")
    is_own = source is not None and source.resolve() == folder.resolve()
    if find_checkpoints(folder) and not is_own:
        raise ParameterError(f"{folder} has the checkpoint of an earlier run. Add --resume {folder}, or delete it.")
    folder.mkdir(exist_ok=True)
    if source is not None and not is_own:
        copy_checkpoints(source, folder)
    try:
        yield folder
    except BaseException as error:
        if not find_checkpoints(folder):
            remove(folder)
        elif isinstance(error, Cancelled):
            error.remedy = f"To go on, repeat the command with --resume {folder}"
        raise
    remove(folder)


def remove(folder: Path) -> None:
    """Delete checkpoints, and the folders that are empty then."""
    for path in find_checkpoints(folder):
        path.unlink()
        path.with_name(CURVES).unlink(missing_ok=True)
        with suppress(OSError):
            path.parent.rmdir()
    with suppress(OSError):
        folder.rmdir()

# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands train and evaluate, which the repository has and the installed extension has not."""

from __future__ import annotations

from importlib import import_module

import typer

from ..interface.parameters import ParameterError

BACKEND = __name__.rpartition(".cli")[0]


def train(context: typer.Context) -> None:
    """Train the starter models (in the repository only)."""
    hand_over("training.app", context)


def evaluate(context: typer.Context) -> None:
    """Measure the quality of meshes on the validation objects."""
    hand_over("evaluation.benchmark", context)


def hand_over(module: str, context: typer.Context) -> None:
    """Run the command line of a module, imported now because it imports torch. ParameterError where it is missing."""
    try:
        other = import_module(f"{BACKEND}.{module}").app
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith(BACKEND):
            raise
        raise ParameterError(
            f"{context.info_name} works in the repository only, not in the installed extension.",
            "Clone the repository.",
        ) from None
    raise typer.Exit(other(context.args, prog_name=context.command_path, standalone_mode=False) or 0)

# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: `python -m backend COMMAND`. Nothing imports torch before an image is really being worked on.

Exit status: 0 done, 2 wrong usage or input, 3 weights, 4 memory, 5 disk, 130 cancelled, 1 anything else.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from .cli import console, doctor, engines, generate, images, learn, reconstruct, repository, solid, weights
from .interface import protocol
from .process import stdio
from .process.failure import Failure, describe

app = typer.Typer(
    help="Image to Mesh: turns a single image into a coloured mesh.", add_completion=False, no_args_is_help=True
)
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.callback()
def debug(
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the program an error came from.")] = False,
) -> None:
    """Options of all commands; `main` looks for --debug itself."""


def serve(
    jobs: Annotated[Path | None, typer.Option(help="Folder that receives a folder for each job.")] = None,
) -> None:
    """Speak frames on standard input and output; this is how Blender uses the backend."""
    from .process.server import main as start

    if jobs is None:
        from .interface.installer.environment import default_data_folder

        jobs = default_data_folder() / "jobs"
    start(jobs)


app.add_typer(weights.app, name="models")
for command in (
    generate.generate,
    images.picture,
    images.views,
    learn.learn,
    images.novel_view,
    reconstruct.reconstruct,
    solid.solid,
    solid.print_check,
    engines.engines,
    doctor.doctor,
    serve,
):
    app.command()(command)
for command in (repository.train, repository.evaluate):
    app.command(context_settings=PASS_ON, add_help_option=False)(command)


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return the exit status."""
    stdio.open_missing()
    arguments = sys.argv[1:] if arguments is None else arguments
    os.environ.setdefault("IMAGE_TO_MESH_OFFLINE", os.environ.get("HF_HUB_OFFLINE", "0"))  # before we set the latter
    os.environ |= protocol.SETTINGS | os.environ
    as_json, with_trace = "--json" in arguments, "--debug" in arguments
    try:
        return app(arguments, prog_name="python -m backend", standalone_mode=False) or 0
    except typer.TyperException as error:  # wrong usage
        format_message = getattr(error, "format_message", error.__str__)
        return console.complain(Failure("parameter", format_message(), "See --help."), as_json)
    except BrokenPipeError:  # nobody reads on, as in `| head`
        return 0
    except BaseException as error:
        if isinstance(error, SystemExit) and isinstance(error.__context__, BrokenPipeError):  # the same, from rich
            return 0
        if with_trace:
            traceback.print_exception(error)
        return console.complain(describe(error), as_json)
    finally:
        stdio.forget_broken()


if __name__ == "__main__":
    sys.exit(main())

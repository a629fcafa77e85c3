# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of failures: kind, exit status, message, remedy and place of each, and whether a test reaches it.

    python -m benchmarks.failures [TESTS ...] [--output TABLE.md]

Runs the tests meanwhile, all of those of the backend by default; the exit status is 1 where one reaches a failure less.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from backend.cli.console import EXIT_CODES
from tests.support import ROOT
from tests.support.failures import ANY, Site, failures

HEAD = "| kind | exit | message | remedy | place | reached |\n|---|---|---|---|---|---|\n"


def reached_by(tests: list[str]) -> set[str]:
    """The places, "path:line", that the tests reach."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "reached"
        environment = os.environ | {"IMAGE_TO_MESH_REACHED": str(file)}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.support.record_failures", *tests]
        subprocess.run(command, cwd=ROOT, env=environment, stdout=sys.stderr, check=False)
        return set(file.read_text("utf-8").split())


def as_row(site: Site, reached: set[str]) -> str:
    texts = [text.replace(ANY, "...").replace("|", "/") for text in (site.message, site.remedy or "(its kind's own)")]
    place = f"{site.path}:{site.line}"
    cells = [site.kind, str(EXIT_CODES[site.kind]), *texts, place, "yes" if place in reached else "no"]
    return f"| {' | '.join(cells)} |\n"


def main(
    tests: Annotated[list[str] | None, typer.Argument(help="What pytest runs.")] = None,
    output: Annotated[Path | None, typer.Option(help="Markdown file for the table.")] = None,
    known: Annotated[Path | None, typer.Option(help="Places that earlier runs reached; nothing is run.")] = None,
) -> None:
    reached = set(known.read_text("utf-8").split()) if known else reached_by(tests or ["tests/backend"])
    sites = list(failures())
    table = HEAD + "".join(as_row(site, reached) for site in sites)
    output.write_text(table, "utf-8") if output else print(table)
    missed = [site for site in sites if f"{site.path}:{site.line}" not in reached]
    print(f"{len(sites)} failures, {len(sites) - len(missed)} of them reached by tests", file=sys.stderr)
    raise typer.Exit(1 if missed else 0)


if __name__ == "__main__":
    typer.run(main)

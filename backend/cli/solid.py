# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands solid and print-check: meshes fit for use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import engines
from ..interface.errors import reading_input
from ..interface.mesh_tasks import MAKE_SOLID, PRINT_CHECK
from ..interface.print_report import FINE_WORDS, measures, problems
from . import console
from .mesh import make_mesh
from .options import Json, Settings, idle_settings, read_settings
from .outputs import check_mesh_file

MeshInput = Annotated[Path, typer.Argument(metavar="MESH", help="The mesh: .ply, .glb, .obj or .stl.")]


def solid(
    mesh: MeshInput,
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="The mesh to write: .ply, .glb, .obj or .stl.")],
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Close a mesh, turn its faces outwards, remove what is hidden inside; --set remesh=true wraps it in one skin."""
    values = MAKE_SOLID.check(read_settings(settings))
    check_mesh_file(output)
    from ..meshing.files import load

    known = idle_settings(MAKE_SOLID, settings, values)
    with reading_input():
        given = load(mesh, known.append)
    made = make_mesh(MAKE_SOLID, {"mesh": given}, values, 0, output, as_json, None, known)
    facts = {name: made.facts[name] for name in ("faces", "removed", "flipped", "lids")}
    closed = "closed" if made.mesh.is_closed else "still open: raise --set holes, or use --set remesh=true"
    text = "{}: {faces} faces, {removed} removed, {flipped} flipped, {lids} added, {}".format(output, closed, **facts)
    facts |= {"output": str(output.resolve()), "closed": made.mesh.is_closed}
    console.answer_result(as_json, made.facts, facts, text)


def print_check(mesh: MeshInput, settings: Settings = None, as_json: Json = False) -> None:
    """Say whether a mesh can be printed. Exit status 1 if something is wrong; --set unit=1 for a mesh in mm."""
    values = PRINT_CHECK.check(read_settings(settings))
    from ..meshing.files import load
    from ..process.run import run

    known: list[str] = []
    with reading_input():
        given = load(mesh, known.append)
    with console.working(as_json, known=known) as progress:
        request = engines.Request(PRINT_CHECK.name, {"mesh": given}, values)
        found = run(request, progress, engines.load).facts
    wrong = problems(found)
    lines = [". ".join(measures(found)) + ".", *(f"{sentence}." for sentence in wrong or [FINE_WORDS])]
    console.answer_result(as_json, found, found | {"problems": wrong}, "\n".join(lines))
    if wrong:
        raise typer.Exit(1)

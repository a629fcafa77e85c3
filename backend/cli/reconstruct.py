# SPDX-License-Identifier: GPL-3.0-or-later
"""The command reconstruct: images with known cameras -> a mesh."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import engines
from ..interface.tasks import VIEWS_TO_MESH
from . import console
from .options import EngineName, Json, MeshFile, Seed, Settings, check_mesh_file, offered, read_settings


def reconstruct(
    views: Annotated[Path, typer.Option(help="Folder with transforms.json and images (NeRF-synthetic form).")],
    output: MeshFile,
    engine: EngineName = VIEWS_TO_MESH.name,
    seed: Seed = 0,
    settings: Settings = None,
    scale: Annotated[float, typer.Option(min=1e-6, max=1e6, help="Multiplies the cameras' positions.")] = 1.0,
    as_json: Json = False,
) -> None:
    """Turn images with known cameras into a mesh; by NeuS with --set method=neus."""
    declared = offered(VIEWS_TO_MESH, engine)
    values = declared.check(read_settings(settings))
    check_mesh_file(output)
    from ..meshing.files import save
    from ..preprocess.views import read_views
    from ..process.run import run

    images, cameras = read_views(views, scale)
    inputs = {"views": list(images), "cameras": cameras}
    with console.working(as_json) as progress:
        result = run(engines.Request(declared.name, inputs, values, seed), progress, engines.load)
        assert isinstance(result, engines.MeshResult)
        save(result.mesh, output)
    vertices, faces = len(result.mesh.vertices), len(result.mesh.faces)
    facts = {"output": str(output.resolve()), "views": len(images), "vertices": vertices, "faces": faces}
    console.answer(as_json, facts, f"{output}: {vertices} vertices, {faces} faces, from {len(images)} views")

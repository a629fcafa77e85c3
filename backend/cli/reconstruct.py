# SPDX-License-Identifier: GPL-3.0-or-later
"""The command reconstruct: images with known cameras -> a mesh."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..interface.tasks import VIEWS_TO_MESH
from . import console
from .mesh import Resume, make_mesh
from .options import EngineName, Json, MeshFile, Seed, Settings, check_mesh_file, file_defaults, offered, read_settings


def reconstruct(
    views: Annotated[Path, typer.Option(help="Folder with transforms.json and images (NeRF-synthetic form).")],
    output: MeshFile,
    engine: EngineName = VIEWS_TO_MESH.name,
    seed: Seed = 0,
    settings: Settings = None,
    scale: Annotated[float, typer.Option(min=1e-6, max=1e6, help="Multiplies the cameras' positions.")] = 1.0,
    as_json: Json = False,
    resume: Resume = None,
) -> None:
    """Turn images with known cameras into a mesh; by NeuS with --set method=neus."""
    declared = offered(VIEWS_TO_MESH, engine)
    values = declared.check(file_defaults(output) | read_settings(settings))
    check_mesh_file(output)
    from ..preprocess.views import read_views

    images, cameras = read_views(views, scale)
    inputs = {"views": list(images), "cameras": cameras}
    result = make_mesh(declared, inputs, values, seed, output, as_json, resume)
    vertices, faces = len(result.mesh.vertices), len(result.mesh.faces)
    facts = {"output": str(output.resolve()), "views": len(images), "vertices": vertices, "faces": faces}
    console.answer(as_json, facts, f"{output}: {vertices} vertices, {faces} faces, from {len(images)} views")

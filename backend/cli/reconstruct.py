# SPDX-License-Identifier: GPL-3.0-or-later
"""The command reconstruct: images with known cameras -> a mesh."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..interface.errors import reading_input
from ..interface.tasks import VIEWS_TO_MESH
from . import console
from .mesh import Resume, make_mesh
from .options import EngineName, Json, MeshFile, Seed, Settings, file_defaults, idle_settings, offered, read_settings
from .outputs import check_mesh_file


def reconstruct(
    views: Annotated[
        Path, typer.Option(help="Folder with transforms.json and images (NeRF, instant-ngp, nerfstudio).")
    ],
    output: MeshFile,
    engine: EngineName = VIEWS_TO_MESH.name,
    seed: Seed = 0,
    settings: Settings = None,
    scale: Annotated[
        float, typer.Option(min=1e-6, max=1e6, help="Multiplies the cameras' positions, and so the mesh.")
    ] = 1.0,
    as_json: Json = False,
    resume: Resume = None,
) -> None:
    """Turn images with known cameras into a mesh; by NeuS with --set method=neus."""
    declared = offered(VIEWS_TO_MESH, engine)
    named = read_settings(settings)
    values = declared.check(file_defaults(output) | named)
    check_mesh_file(output, named.get("texture"))
    from ..preprocess.views.folder import read_views

    with reading_input():
        inputs = read_views(views, scale).inputs()
    known = idle_settings(declared, settings, values, seed)
    result = make_mesh(declared, inputs, values, seed, output, as_json, resume, known)
    vertices, faces, count = len(result.mesh.vertices), len(result.mesh.faces), len(inputs["views"])
    facts = {"output": str(output.resolve()), "views": count, "vertices": vertices, "faces": faces}
    text = f"{output}: {vertices} vertices, {faces} faces, from {count} views"
    console.answer_result(as_json, result.facts, facts, text)

# SPDX-License-Identifier: GPL-3.0-or-later
"""The command generate: an image or a prompt -> a mesh."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .. import engines
from ..interface.parameters import ParameterError
from ..interface.task import Task
from ..interface.tasks import MESH_TASKS, task
from ..process.inputs import read_prompt
from . import console
from .options import (
    EngineName,
    Json,
    MeshFile,
    OptionalImage,
    Seed,
    Settings,
    check_mesh_file,
    read_picture,
    read_settings,
)


def generate(
    output: MeshFile,
    image: OptionalImage = None,
    prompt: Annotated[str | None, typer.Option(help="What the mesh should be, in words.")] = None,
    engine: EngineName = MESH_TASKS[0].name,
    seed: Seed = 0,
    settings: Settings = None,
    as_json: Json = False,
    mesh: Annotated[Path | None, typer.Option(help="A mesh to start from, for --set start=mesh.")] = None,
) -> None:
    """Turn an image, or a prompt, into a mesh."""
    declared = task(engine, MESH_TASKS)
    values = declared.check(read_settings(settings))
    check_mesh_file(output)
    inputs = read_inputs(declared, image, prompt)
    from ..meshing.files import load, save
    from ..process.run import run

    if mesh is not None:
        inputs["mesh"] = load(mesh)
    with console.working(as_json) as progress:
        result = run(engines.Request(declared.name, inputs, values, seed), progress, engines.load)
        assert isinstance(result, engines.MeshResult)
        save(result.mesh, output)
    facts = {"output": str(output.resolve()), "vertices": len(result.mesh.vertices), "faces": len(result.mesh.faces)}
    text = f"{output}: {facts['vertices']} vertices, {facts['faces']} faces, {result.facts.get('seconds')} s"
    console.answer(as_json, facts | {"report": result.facts}, text)


def read_inputs(declared: Task[Any], image: Path | None, prompt: str | None) -> dict[str, Any]:
    """The image or the prompt; ParameterError, ImageError."""
    if "image" in declared.inputs and image is not None:
        return {"image": read_picture(image)}
    if prompt is None:
        needed = "--image, or --prompt" if "image" in declared.inputs else "--prompt"
        raise ParameterError(f"{declared.title} needs {needed}.")
    return {"prompt": read_prompt(prompt)}

# SPDX-License-Identifier: GPL-3.0-or-later
"""The command generate: an image or a prompt -> a mesh."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..interface.common_parameters import check_prompt
from ..interface.parameters import ParameterError
from ..interface.task import Task
from ..interface.tasks import MESH_TASKS, task
from . import console
from .mesh import Resume, make_mesh
from .options import (
    EngineName,
    Json,
    MeshFile,
    OptionalImage,
    Seed,
    Settings,
    check_mesh_file,
    file_defaults,
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
    resume: Resume = None,
) -> None:
    """Turn an image, or a prompt, into a mesh. Ctrl+C ends an optimisation early and keeps its mesh; twice cancels."""
    declared = task(engine, MESH_TASKS)
    values = declared.check(file_defaults(output) | read_settings(settings))
    check_mesh_file(output)
    inputs = read_inputs(declared, image, prompt)
    if mesh is not None:
        from ..meshing.files import load

        inputs["mesh"] = load(mesh)
    result = make_mesh(declared, inputs, values, seed, output, as_json, resume)
    facts = {"output": str(output.resolve()), "vertices": len(result.mesh.vertices), "faces": len(result.mesh.faces)}
    text = f"{output}: {facts['vertices']} vertices, {facts['faces']} faces, {result.facts.get('seconds')} s"
    text += "".join(f"\n{result.facts[key]}" for key in ("warning", "note") if key in result.facts)
    console.answer(as_json, facts | {"report": result.facts}, text)


def read_inputs(declared: Task[Any], image: Path | None, prompt: str | None) -> dict[str, Any]:
    """The image or the prompt; ParameterError, ImageError."""
    if "image" in declared.inputs and image is not None:
        return {"image": read_picture(image)}
    if prompt is None:
        needed = "--image, or --prompt" if "image" in declared.inputs else "--prompt"
        raise ParameterError(f"{declared.title} needs {needed}.")
    return {"prompt": check_prompt(prompt)}

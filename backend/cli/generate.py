# SPDX-License-Identifier: GPL-3.0-or-later
"""The command generate: an image or a prompt -> a mesh."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..interface.common_parameters import check_prompt
from ..interface.errors import reading_input
from ..interface.parameters import ParameterError
from ..interface.task import Task
from ..interface.tasks import MESH_TASKS
from . import console
from .mesh import Resume, make_mesh
from .options import (
    ANOTHER,
    EngineName,
    Json,
    MeshFile,
    OptionalImage,
    Seed,
    Settings,
    file_defaults,
    idle_settings,
    mesh_engine,
    picture_input,
    read_settings,
)
from .outputs import check_mesh_file


def generate(
    output: MeshFile,
    image: OptionalImage = None,
    prompt: Annotated[str | None, typer.Option(help="What the mesh should be, in words.")] = None,
    engine: EngineName = MESH_TASKS[0].name,
    seed: Seed = 0,
    settings: Settings = None,
    as_json: Json = False,
    mesh: Annotated[
        Path | None, typer.Option(help="A mesh to start from, .ply, .glb, .gltf, .obj or .stl, for --set start=mesh.")
    ] = None,
    resume: Resume = None,
) -> None:
    """Turn an image, or a prompt, into a mesh. Ctrl+C ends an optimisation early and keeps its mesh; twice cancels."""
    declared = mesh_engine(engine)
    named = read_settings(settings)
    values = declared.check(file_defaults(output) | named)
    check_mesh_file(output, named.get("texture"))
    check_start(declared, values, mesh)
    inputs = read_inputs(declared, image, prompt)
    known = idle_settings(declared, settings, values, seed)
    if mesh is not None:
        from ..meshing.files import load

        with reading_input():
            inputs["mesh"] = load(mesh, known.append)
    result = make_mesh(declared, inputs, values, seed, output, as_json, resume, known)
    facts = {"output": str(output.resolve()), "vertices": len(result.mesh.vertices), "faces": len(result.mesh.faces)}
    text = f"{output}: {facts['vertices']} vertices, {facts['faces']} faces, {result.facts.get('seconds')} s"
    console.answer_result(as_json, result.facts, facts, text)


def read_inputs(declared: Task[Any], image: Path | None, prompt: str | None) -> dict[str, Any]:
    """The image or the prompt; ParameterError where the engine does not take what is given, ImageError."""
    if image is not None and "image" not in declared.inputs:
        raise ParameterError(f"{declared.title} takes no --image. Engines that do: {takers('image')}.", ANOTHER)
    if image is not None and prompt is not None:
        raise ParameterError("There is an --image and a --prompt.", "Give one of them: a prompt is drawn first.")
    if "image" in declared.inputs and image is not None:
        return picture_input(image)
    if prompt is None:
        needed = "--image, or --prompt" if "image" in declared.inputs else "--prompt"
        raise ParameterError(f"{declared.title} needs {needed}.", "Add it.")
    return {"prompt": check_prompt(prompt)}


def check_start(declared: Task[Any], values: Any, mesh: Path | None) -> None:
    """ParameterError where a mesh is given and not used, or used and not given."""
    if mesh is not None and "mesh" not in declared.inputs:
        raise ParameterError(f"{declared.title} takes no --mesh. Engines that do: {takers('mesh')}.", ANOTHER)
    begins = getattr(values, "start", "") == "mesh"
    if mesh is not None and not begins:
        raise ParameterError("The --mesh would not be used.", "Add --set start=mesh, or leave --mesh out.")
    if mesh is None and begins:
        raise ParameterError("There is no mesh to start from.", "Give its file with --mesh.")


def takers(kind: str) -> str:
    """Names of the engines that take an input of this kind."""
    return ", ".join(declared.name for declared in MESH_TASKS if kind in declared.inputs)

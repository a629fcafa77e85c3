# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one request, the same way for Blender and for the command line."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from ..engines import EngineModule, ImageResult, MeshResult, Request
from ..interface.remarks import add_warnings
from ..interface.tasks import ONE2345, TEXT_TO_IMAGE, task
from ..runtime.devices import choose_device
from ..runtime.progress import Progress
from .codec import plain
from .identity import identify

Load = Callable[[str], EngineModule]
FIRST_SHARE = 0.1  # of the progress, for a task that prepares another's input
SHARED = ("weights", "device", "remove_background", "auto_elevation", "elevation_deg")  # with the task of a fast start


class EmptyResult(ValueError):
    """An engine found no surface."""

    remedy = "Try another image of the object, another seed, or set Cut Out to Always."


def run(request: Request[Any], progress: Progress, load: Load) -> MeshResult | ImageResult:
    """Load the engine and run it; a cancel also reaches every torch module's forward. Raises what the engine raises.

    Adds engine, seed, seconds, the mesh's size and inputs["warnings"] to the facts, which fit JSON afterwards.
    """
    started = time.monotonic()
    warnings = request.inputs.get("warnings", [])
    request = replace(request, inputs={name: value for name, value in request.inputs.items() if name != "warnings"})
    progress.update("Loading the engine", 0, 1)
    engine = load(request.task)
    progress.check()
    with cancelling(progress):
        request = replace(request, identity=identify(request))  # as it came: what is made from it may differ in bits
        request = with_selection(with_image(request, progress, load))
        request = with_start(request, progress, load)
        result = engine.run(request, progress)
    said = add_warnings(result.facts, [*warnings, *progress.remarks])
    facts = {"engine": request.task, "seed": request.seed} | said
    if isinstance(result, MeshResult):
        if not len(result.mesh.faces):
            raise EmptyResult("No object was found in the image.")
        facts |= {"vertices": len(result.mesh.vertices), "faces": len(result.mesh.faces)}
        if too_many := more_faces_than_asked(request.parameters, len(result.mesh.faces)):
            facts["warning"] = " ".join(filter(None, [facts.get("warning"), too_many]))
    return replace(result, facts=plain(facts | {"seconds": round(time.monotonic() - started, 1)}))


def more_faces_than_asked(parameters: Any, faces: int) -> str:
    """A sentence where the mesh could not be simplified to `max_faces`, else an empty text."""
    most = getattr(parameters, "max_faces", 0)
    return f"The mesh has {faces} faces: with {most} it would lose its shape." if 0 < most < faces else ""


def with_image(request: Request[Any], progress: Progress, load: Load) -> Request[Any]:
    """The request with an image made from its prompt, where its task takes an image and only a prompt was given.

    inputs["picture"] has the parameters of the task that makes the image. Raises what that task's engine raises.
    """
    inputs, takes = request.inputs, task(request.task).inputs
    if "image" in inputs or "prompt" not in inputs or "prompt" in takes or "image" not in takes:
        return request
    parameters = inputs.get("picture") or TEXT_TO_IMAGE.check({})
    drawing = Request(TEXT_TO_IMAGE.name, {"prompt": inputs["prompt"]}, parameters, request.seed)
    drawn = load(TEXT_TO_IMAGE.name).run(drawing, nested(progress, TEXT_TO_IMAGE.title))
    assert isinstance(drawn, ImageResult)
    drop_models()  # the next engine needs the memory
    progress.preview(drawn.images)
    return replace(request, inputs=inputs | {"image": drawn.images[0].astype(np.float32) / 255})


def with_selection(request: Request[Any]) -> Request[Any]:
    """The request with the chosen part of its image in the image's place. Raises what `select` raises."""
    chosen = request.inputs.get("selection")
    if chosen is None:
        return request
    from ..preprocess.selection import select

    rest = {name: value for name, value in request.inputs.items() if name != "selection"}
    mode, device = request.parameters.remove_background, str(choose_device(request.parameters.device))
    return replace(request, inputs=rest | {"image": select(request.inputs["image"], chosen, mode, device)})


def with_start(request: Request[Any], progress: Progress, load: Load) -> Request[Any]:
    """The request with One-2-3-45's mesh of its image to start from, where its parameter `start` is "fast".

    Raises what that engine raises.
    """
    if getattr(request.parameters, "start", "nothing") != "fast":
        return request
    parameters = ONE2345.check({name: getattr(request.parameters, name) for name in SHARED})
    inputs = {"image": request.inputs["image"]}
    made = load(ONE2345.name).run(Request(ONE2345.name, inputs, parameters, request.seed), nested(progress, "Start"))
    assert isinstance(made, MeshResult)
    return replace(request, inputs=request.inputs | {"mesh": made.mesh})


def nested(progress: Progress, stage: str) -> Progress:
    """Progress for a task that prepares another's input: a first stage of that."""
    progress.plan({stage: FIRST_SHARE, "": 1 - FIRST_SHARE})
    inner = Progress(
        lambda update: progress.update(stage, round(100 * update.overall), 100),
        progress.preview,
        is_cancelled=lambda: progress.check() is not None,
    )
    inner.remarks = progress.remarks
    return inner


@contextmanager
def cancelling(progress: Progress) -> Iterator[None]:
    """Meanwhile every torch module checks for a cancel before its forward, so that none waits for the end of a step."""
    torch = sys.modules.get("torch")
    if torch is None:  # nothing that could take long
        yield
        return
    handle = torch.nn.modules.module.register_module_forward_pre_hook(lambda module, inputs: progress.check())
    try:
        yield
    finally:
        handle.remove()


def drop_models() -> None:
    """Forget the models that engines keep between requests, and return their memory to the system."""
    if "torch" in sys.modules:
        from ..runtime import model_cache

        model_cache.drop_models()

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
from ..interface.common_parameters import MeshParameters
from ..interface.tasks import TEXT_TO_IMAGE, task
from ..runtime.progress import Progress
from .codec import plain

Load = Callable[[str], EngineModule]


class EmptyResult(ValueError):
    """An engine found no surface."""

    remedy = "Try another image of the object, another seed, or set Remove Background to always."


def run(request: Request[Any], progress: Progress, load: Load) -> MeshResult | ImageResult:
    """Load the engine and run it; a cancel also reaches every torch module's forward. Raises what the engine raises.

    Adds the engine, the seed and the seconds to the facts, which fit JSON afterwards.
    """
    started = time.monotonic()
    if isinstance(request.parameters, MeshParameters) and request.parameters.texture != "off":
        from ..meshing.texture import check_xatlas

        check_xatlas()
    progress.update("Loading the engine", 0, 1)
    engine = load(request.task)
    progress.check()
    with cancelling(progress):
        result = engine.run(with_image(request, progress, load), progress)
    if isinstance(result, MeshResult) and not len(result.mesh.faces):
        raise EmptyResult("No object was found in the image.")
    facts = {"engine": request.task, "seed": request.seed} | result.facts
    return replace(result, facts=plain(facts | {"seconds": round(time.monotonic() - started, 1)}))


def with_image(request: Request[Any], progress: Progress, load: Load) -> Request[Any]:
    """The request with an image made from its prompt, where its task takes an image and only a prompt was given.

    inputs["picture"] has the parameters of the task that makes the image. Raises what that task's engine raises.
    """
    inputs, takes = request.inputs, task(request.task).inputs
    if "image" in inputs or "prompt" not in inputs or "prompt" in takes or "image" not in takes:
        return request
    within = Progress(
        lambda update: progress.update(TEXT_TO_IMAGE.title, round(100 * update.overall), 100),
        is_cancelled=lambda: progress.check() is not None,
    )
    parameters = inputs.get("picture") or TEXT_TO_IMAGE.check({})
    drawing = Request(TEXT_TO_IMAGE.name, {"prompt": inputs["prompt"]}, parameters, request.seed)
    drawn = load(TEXT_TO_IMAGE.name).run(drawing, within)
    assert isinstance(drawn, ImageResult)
    drop_models()  # the next engine needs the memory
    progress.preview(drawn.images)
    return replace(request, inputs=inputs | {"image": drawn.images[0].astype(np.float32) / 255})


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

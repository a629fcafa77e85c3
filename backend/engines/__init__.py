# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines: one module for each task, with `run(request, progress)`. Nothing here imports torch until one is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from ..interface.tasks import task

if TYPE_CHECKING:
    import numpy as np

    from ..meshing.solid.origin import Origin
    from ..rendering.mesh import Mesh
    from ..runtime.progress import Progress

MODULES = {"shap_e_text": "shap_e"}  # tasks that run in another task's module

Values = TypeVar("Values", covariant=True)


@dataclass(frozen=True)
class Request(Generic[Values]):
    """One call of an engine.

    task: its name. parameters: an instance of the task's parameter class, as Task.check makes it.
    inputs: "image" float32 RGBA (H, W, 4), straight alpha, sRGB 0..1, first row on top; "prompt", a text; "mesh", a
    Mesh; "views" and "photos", lists of images; "cameras", of the views; "angles", (azimuth, elevation) in degrees;
    "warnings", sentences about the image, which no engine gets.
    identity: a checkpoint is resumed only by a request of the same identity.
    """

    task: str
    inputs: dict[str, Any]
    parameters: Values
    seed: int = 0
    identity: str = ""


@dataclass(frozen=True)
class MeshResult:
    """A mesh, views of it uint8 RGBA (N, H, W, 4), and facts about it that fit JSON. origin: where its faces lie on the
    input's mesh, if it was made from that."""

    mesh: Mesh
    views: np.ndarray
    facts: dict[str, Any] = field(default_factory=dict)
    origin: Origin | None = None


@dataclass(frozen=True)
class ImageResult:
    """Images uint8 RGBA (N, H, W, 4), and facts about them that fit JSON."""

    images: np.ndarray
    facts: dict[str, Any] = field(default_factory=dict)


class EngineModule(Protocol):
    """A module of this package; models that it keeps between runs lie in a runtime.model_cache.ModelCache."""

    def run(self, request: Request[Any], progress: Progress) -> MeshResult | ImageResult: ...


def load(name: str) -> EngineModule:
    """Import the module that runs a task, and torch with it. ParameterError when there is no such task."""
    name = task(name).name
    return import_module(f"{__name__}.{MODULES.get(name, name)}")  # pyright: ignore[reportReturnType]

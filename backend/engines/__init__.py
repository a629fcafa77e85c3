# SPDX-License-Identifier: GPL-3.0-or-later
"""One file an engine: `run(request, report) -> Result`. Nothing here imports torch until an engine is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from ..interface import tasks

if TYPE_CHECKING:
    import numpy as np

    from ..rendering.mesh import Mesh
    from ..runtime.progress import Progress


@dataclass(frozen=True)
class Request:
    """What an engine is asked for.

    inputs: "image" is float32 RGBA (H, W, 4), straight alpha, sRGB 0..1, first row on top. parameters: every one that
    the engine declares, checked.
    """

    engine: str
    inputs: dict[str, Any]
    parameters: dict[str, Any]
    seed: int = 0


@dataclass(frozen=True)
class Result:
    """What an engine returns: the mesh, the generated views uint8 (N, H, W, 4), and facts for people that fit JSON."""

    mesh: Mesh
    views: np.ndarray
    facts: dict[str, Any] = field(default_factory=dict)


class EngineModule(Protocol):
    """A module of this package. It may also have `unload()`, which drops the models that it keeps between runs."""

    def run(self, request: Request, progress: Progress) -> Result: ...


def load(name: str) -> EngineModule:
    """Import the engine's module, and torch with it. ParameterError when no such engine is declared."""
    return import_module(f"{__name__}.{tasks.asked(name).name}")  # pyright: ignore[reportReturnType]

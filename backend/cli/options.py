# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..interface.errors import reading_input
from ..interface.parameters import ParameterError
from ..interface.task import Task
from ..interface.tasks import MESH_TASKS, TASKS, task
from .outputs import UNTEXTURED

if TYPE_CHECKING:
    import numpy as np

EngineName = Annotated[str, typer.Option("--engine", help="See the command engines.")]
IMAGE = typer.Option("--image", help="The image: PNG, JPEG, WebP and others.")
ImageFile = Annotated[Path, IMAGE]
OptionalImage = Annotated[Path | None, IMAGE]
MeshFile = Annotated[Path, typer.Option("--output", help="The mesh to write: .ply, .glb, .obj or .stl.")]
PictureFile = Annotated[Path, typer.Option("--output", help="The picture to write: .png.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Another seed gives another variation.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the engine; repeatable.")
]
ANOTHER = "Choose another engine."
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, no progress.")]


def read_settings(settings: list[str] | None) -> dict[str, Any]:
    """NAME=VALUE texts -> {name: value}; ParameterError."""
    for setting in settings or []:
        if "=" not in setting:
            raise ParameterError(f"--set needs NAME=VALUE, not {setting[:80]!r}.", "See the command engines.")
    return dict(setting.split("=", 1) for setting in settings or [])  # pyright: ignore[reportReturnType]


def idle_settings(declared: Task[Any], settings: list[str] | None, values: Any, seed: int = 0) -> list[str]:
    """Sentences about what was set and changes nothing: parameters, and the seed."""
    said = declared.without_effect(read_settings(settings), values)
    return said + (["The seed has no effect with these values."] if seed and not values.is_seeded else [])


def file_defaults(path: Path) -> dict[str, Any]:
    """Parameters of a mesh for a file of this ending: no texture is baked for one that holds none."""
    return {"texture": "off"} if path.suffix.lower() in UNTEXTURED else {}


def mesh_engine(name: str) -> Task[Any]:
    """The engine of that name for `generate`; ParameterError names those that there are."""
    declared = next((other for other in TASKS if other.name == name), None)
    if declared is not None and declared not in MESH_TASKS:
        able = ", ".join(other.name for other in MESH_TASKS)
        raise ParameterError(f"{declared.title} is no engine of generate. Engines that are: {able}.", ANOTHER)
    return task(name, MESH_TASKS)


def offered(wanted: Task[Any], engine: str) -> Task[Any]:
    """The wanted task, where the engine of that name offers it; ParameterError names the engines that do."""
    declared = task(engine)
    if wanted.name not in (declared.name, *declared.offers):
        able = [t.name for t in TASKS if wanted.name in (t.name, *t.offers)]
        raise ParameterError(
            f"{declared.title} cannot do {wanted.title}. Engines that can: {', '.join(able)}.", ANOTHER
        )
    return wanted


def read_picture(path: Path) -> np.ndarray:
    """An image file as float32 RGBA (H, W, 4); ImageError."""
    return picture_input(path)["image"]


def picture_input(path: Path) -> dict[str, Any]:
    """An image file as an engine's input, and warnings about it; ImageError."""
    from ..preprocess.image import read_image

    warnings: list[str] = []
    with reading_input():
        return {"image": read_image(path, warnings=warnings), "warnings": warnings}

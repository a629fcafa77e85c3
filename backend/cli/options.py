# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several commands share, and the checks of them that come before any work."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..interface.parameters import ParameterError
from ..interface.task import Task
from ..interface.tasks import TASKS, task

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
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, no progress.")]


def read_settings(settings: list[str] | None) -> dict[str, Any]:
    """NAME=VALUE texts -> {name: value}; ParameterError."""
    for setting in settings or []:
        if "=" not in setting:
            raise ParameterError(f"--set needs NAME=VALUE, not {setting[:80]!r}.")
    return dict(setting.split("=", 1) for setting in settings or [])  # pyright: ignore[reportReturnType]


def file_defaults(path: Path) -> dict[str, Any]:
    """Parameters of a mesh for a file of this ending: no texture is baked for one that holds none."""
    return {"texture": "off"} if path.suffix.lower() in (".ply", ".stl") else {}


def offered(wanted: Task[Any], engine: str) -> Task[Any]:
    """The wanted task, where the engine of that name offers it; ParameterError names the engines that do."""
    declared = task(engine)
    if wanted.name not in (declared.name, *declared.offers):
        able = [t.name for t in TASKS if wanted.name in (t.name, *t.offers)]
        raise ParameterError(f"{declared.title} cannot do {wanted.title}. Engines that can: {', '.join(able)}.")
    return wanted


def read_picture(path: Path) -> np.ndarray:
    """An image file as float32 RGBA (H, W, 4); ImageError."""
    from ..preprocess.image import read_image

    return read_image(path)


def check_mesh_file(path: Path) -> None:
    """ParameterError or MeshFileError where no mesh can be written."""
    from ..meshing.files import ENDINGS

    check_output(path, ENDINGS)


def check_output(path: Path, endings: tuple[str, ...] = (".png",)) -> None:
    """ParameterError or MeshFileError where no file with one of these endings can be written."""
    if path.suffix.lower() not in endings:
        raise ParameterError(f"{path.name!r} must end in {', '.join(endings)}.")
    if path.is_dir():
        raise ParameterError(f"{path} is a folder.")
    from ..meshing.files import unwritable

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise unwritable(path, error) from error

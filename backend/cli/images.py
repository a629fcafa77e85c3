# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that make images: picture, views and novel-view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import engines
from ..interface.common_parameters import check_prompt
from ..interface.task import Task
from ..interface.tasks import NOVEL_VIEW, ONE2345, TEXT_TO_IMAGE, VIEWS_FROM_TEXT
from . import console
from .options import (
    EngineName,
    ImageFile,
    Json,
    PictureFile,
    Seed,
    Settings,
    idle_settings,
    offered,
    picture_input,
    read_settings,
)
from .outputs import check_output, write_or_keep

if TYPE_CHECKING:
    import numpy as np

    from ..rendering.cameras import Camera

Prompt = Annotated[str, typer.Option(help="What to show, in words.")]


def picture(
    prompt: Prompt, output: PictureFile, seed: Seed = 0, settings: Settings = None, as_json: Json = False
) -> None:
    """Make the image of a prompt, to look at it before an engine takes it."""
    values = TEXT_TO_IMAGE.check(read_settings(settings))
    check_output(output)
    known = idle_settings(TEXT_TO_IMAGE, settings, values, seed)
    made = make_images(TEXT_TO_IMAGE, {"prompt": check_prompt(prompt)}, values, seed, as_json, known)
    pixels = made.images[0]
    deliver(partial(write_picture, pixels=pixels), output)
    console.answer_result(as_json, made.facts, {"output": str(output.resolve()), "side": len(pixels)}, str(output))


def views(
    prompt: Prompt,
    output: Annotated[Path, typer.Option(help="A new folder for the views and transforms.json.")],
    seed: Seed = 0,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Make views of a prompt from several sides, for `reconstruct --views`."""
    values = VIEWS_FROM_TEXT.check(read_settings(settings))
    from ..preprocess.views.folder import NAMES, check_folder

    check_folder(output)
    check_output(output / NAMES[0], (".json",))
    known = idle_settings(VIEWS_FROM_TEXT, settings, values, seed)
    made = make_images(VIEWS_FROM_TEXT, {"prompt": check_prompt(prompt)}, values, seed, as_json, known)
    deliver(partial(write_folder, made=made), output)
    facts = {"output": str(output.resolve()), "views": len(made.images)}
    console.answer_result(as_json, made.facts, facts, str(output))


def novel_view(
    image: ImageFile,
    azimuth: Annotated[float, typer.Option(min=-360, max=360, help="Degrees around the object, to the right.")],
    output: PictureFile,
    elevation: Annotated[
        float | None, typer.Option(min=-90, max=90, help="Degrees above the horizon; the image's own if not given.")
    ] = None,
    engine: EngineName = ONE2345.name,
    seed: Seed = 0,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Imagine the object in an image from another side."""
    declared = offered(NOVEL_VIEW, engine)
    values = declared.check(read_settings(settings))
    check_output(output)
    inputs = picture_input(image) | {"angles": [(azimuth, elevation)]}
    known = idle_settings(declared, settings, values, seed)
    made = make_images(declared, inputs, values, seed, as_json, known)
    pixels = made.images[0]
    deliver(partial(write_picture, pixels=pixels), output)
    facts = {"output": str(output.resolve()), "width": pixels.shape[1], "height": pixels.shape[0]}
    console.answer_result(as_json, made.facts, facts, str(output))


def make_images(
    declared: Task[Any], inputs: dict[str, Any], values: Any, seed: int, as_json: bool, known: Sequence[str] = ()
) -> engines.ImageResult:
    """Run a task that makes images. known: warnings that are known before. Raises what `run` raises."""
    from ..process.run import run

    with console.working(as_json, known=known) as progress:
        result = run(engines.Request(declared.name, inputs, values, seed), progress, engines.load)
    assert isinstance(result, engines.ImageResult)
    return result


def cameras_of(made: engines.ImageResult) -> list[Camera]:
    """The cameras of views from a prompt, from the result's facts."""
    from ..rendering.cameras import Camera

    height, width = made.images.shape[1:3]
    return [Camera(pose, made.facts["fov_deg"], width, height) for pose in made.facts["poses"]]


def deliver(write: Callable[[Path], None], output: Path) -> None:
    """Write a result. MeshFileError where that fails; it says where the result is kept instead."""
    if kept_elsewhere := write_or_keep(write, output):
        raise kept_elsewhere


def write_picture(path: Path, pixels: np.ndarray) -> None:
    """Write uint8 RGBA (H, W, 4) as a PNG, whole or not at all. MeshFileError."""
    from ..meshing.files import write_output
    from ..preprocess.image import encode_png

    write_output(path, encode_png(pixels))


def write_folder(folder: Path, made: engines.ImageResult) -> None:
    """Write views and their cameras into a folder that is new or empty, all of them or none. MeshFileError."""
    from ..meshing.files import unwritable
    from ..preprocess.views.folder import write_views

    existed = folder.is_dir()
    try:
        write_views(folder, made.images, cameras_of(made))
    except OSError as error:
        with suppress(OSError):
            for path in folder.iterdir():
                path.unlink()
            if not existed:
                folder.rmdir()
        raise unwritable(folder, error) from error

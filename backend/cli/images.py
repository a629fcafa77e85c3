# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that make images: picture, views and novel-view."""

from __future__ import annotations

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
    check_output,
    offered,
    read_picture,
    read_settings,
)

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
    pixels = make_images(TEXT_TO_IMAGE, {"prompt": check_prompt(prompt)}, values, seed, as_json).images[0]
    write_picture(output, pixels)
    console.answer(as_json, {"output": str(output.resolve()), "side": len(pixels)}, str(output))


def views(
    prompt: Prompt,
    output: Annotated[Path, typer.Option(help="A new folder for the views and transforms.json.")],
    seed: Seed = 0,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Make views of a prompt from several sides, for `reconstruct --views`."""
    values = VIEWS_FROM_TEXT.check(read_settings(settings))
    from ..preprocess.views import check_folder, write_views

    check_folder(output)
    made = make_images(VIEWS_FROM_TEXT, {"prompt": check_prompt(prompt)}, values, seed, as_json)
    write_views(output, made.images, cameras_of(made))
    console.answer(as_json, {"output": str(output.resolve()), "views": len(made.images)}, str(output))


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
    inputs = {"image": read_picture(image), "angles": [(azimuth, elevation)]}
    pixels = make_images(declared, inputs, values, seed, as_json).images[0]
    write_picture(output, pixels)
    facts = {"output": str(output.resolve()), "width": pixels.shape[1], "height": pixels.shape[0]}
    console.answer(as_json, facts, str(output))


def make_images(
    declared: Task[Any], inputs: dict[str, Any], values: Any, seed: int, as_json: bool
) -> engines.ImageResult:
    """Run a task that makes images. Raises what `run` raises."""
    from ..process.run import run

    with console.working(as_json) as progress:
        result = run(engines.Request(declared.name, inputs, values, seed), progress, engines.load)
    assert isinstance(result, engines.ImageResult)
    return result


def cameras_of(made: engines.ImageResult) -> list[Camera]:
    """The cameras of views from a prompt, from the result's facts."""
    from ..rendering.cameras import Camera

    height, width = made.images.shape[1:3]
    return [Camera(pose, made.facts["fov_deg"], width, height) for pose in made.facts["poses"]]


def write_picture(path: Path, pixels: np.ndarray) -> None:
    """Write uint8 RGBA (H, W, 4) as a PNG, whole or not at all. MeshFileError."""
    from ..meshing.files import write_output
    from ..preprocess.image import encode_png

    write_output(path, encode_png(pixels))

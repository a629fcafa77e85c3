# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters that several tasks share."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from .parameters import Parameter, ParameterError, Values, parameter, parameters

SYMMETRY, MODEL, FRONT = "symmetry", "model", "front"
UNSEEN_SIDES = (SYMMETRY, MODEL, FRONT)  # where the colors come from that the image does not show

PROMPT = Parameter("prompt", "Prompt", "string", "")
EXAMPLE = "Describe the object, such as: a red car."


def check_prompt(prompt: Any) -> str:
    """A prompt without blanks around it; ParameterError where there is none."""
    text = PROMPT.check(prompt).strip() if isinstance(prompt, str) else ""
    if not text:
        raise ParameterError("There is no prompt.", EXAMPLE)
    if not any(unicodedata.category(letter)[0] in "LNS" for letter in text):
        raise ParameterError("The prompt has no word.", EXAMPLE)
    return text


def weights(default: str, help: str) -> Any:
    return parameter("Weights", default, help=help, is_path=True)


def text_weights() -> Any:
    return weights("starter-text", "The built-in starter weights, the name of another set, or a diffusers folder")


def multi_view_weights() -> Any:
    return weights(
        "starter-text",
        "The built-in starter weights, the name of another set, or a folder or .pt file of MVDream",
    )


@parameters
class CommonParameters(Values):
    """Parameters of every task."""

    device: str = parameter(
        "Device",
        "auto",
        choices=("auto", "cpu", "cuda", "mps"),
        help="Where to compute; auto uses the graphics card if there is one",
    )
    weights: str = weights(
        "starter", "The built-in starter weights, the name of another set, or a folder or checkpoint"
    )


@parameters
class MeshParameters(CommonParameters):
    """Parameters of every task that makes a mesh."""

    mesh_resolution: int = parameter(
        "Resolution",
        128,
        32,
        512,
        unit="cells",
        help="Marching cubes cells along each side; more gives a finer mesh",
    )
    max_faces: int = parameter(
        "Max Faces",
        30_000,
        0,
        2_000_000,
        unit="faces",
        help="Simplify the mesh to at most this many triangles; 0 keeps all",
    )
    texture: str = parameter(
        "Texture",
        "1024",
        choices=("off", "512", "1024", "2048", "4096"),
        unit="pixels",
        help="Unwrap the mesh and bake its colors into a texture of this size, in addition to vertex colors. "
        "Limits the mesh to 40,000 faces",
    )


def remove_background() -> Any:
    return parameter(
        "Cut Out",
        "auto",
        choices=("auto", "always", "never"),
        help="Cut the object out of the image; auto only if the image has no transparency",
    )


def unseen_sides() -> Any:
    return parameter(
        "Unseen Sides",
        SYMMETRY,
        choices=UNSEEN_SIDES,
        help="Colors of what the image does not show. symmetry: from matching parts that it shows, else from the "
        "model; model: from the model alone; front: the front again, seen through the object, which puts a second "
        "face on the back of a character",
        only={"match_picture": (True,)},
    )


def negative() -> Any:
    return parameter("Avoid", "", help="What the object should not look like")


def auto_elevation(
    help: str = "Estimate the camera's elevation from the image", only: Mapping[str, tuple] | None = None
) -> Any:
    return parameter("Find Elevation", True, help=help, only=only)


def elevation(
    default: float,
    help: str = "Camera angle above the horizon in the image, used when it is not estimated",
    maximum: float = 80,
    only: Mapping[str, tuple] | None = None,
) -> Any:
    return parameter("Elevation", default, -30, maximum, unit="deg", help=help, only=only)


def minutes(
    help: str = "Stop after this time and keep the result; 0 runs all steps", only: Mapping[str, tuple] | None = None
) -> Any:
    return parameter("Time", 0.0, 0, 10_000, unit="minutes", help=help, own=10.0, automatic="No Limit", only=only)


def steps(help: str, maximum: int = 100_000, own: int = 50, only: Mapping[str, tuple] | None = None) -> Any:
    """Number of steps, where 0 stands for the default of the weights."""
    return parameter("Steps", 0, 0, maximum, help=help, own=own, only=only)


def guidance(help: str, maximum: float = 200) -> Any:
    """Scale of classifier-free guidance, where 0 stands for the default of the weights."""
    return parameter("Guidance", 0.0, 0, maximum, help=help, own=min(7.5, maximum))

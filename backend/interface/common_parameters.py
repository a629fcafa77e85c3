# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters that several tasks share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .parameters import Parameter, ParameterError, parameter

PROMPT = Parameter("prompt", "Prompt", "string", "")


def check_prompt(prompt: Any) -> str:
    """A prompt without blanks around it; ParameterError where there is none."""
    text = PROMPT.check(prompt).strip()
    if not text:
        raise ParameterError("There is no prompt. Describe the object, such as: a red car.")
    return text


def weights(default: str, help: str) -> Any:
    return parameter("Weights", default, help=help)


def text_weights() -> Any:
    return weights(
        "starter-text", "The built-in starter weights, a set by its name in the list of models, or a diffusers folder"
    )


def multi_view_weights() -> Any:
    return weights(
        "starter-text",
        "The built-in starter weights, a set by its name in the list of models, or a folder or .pt file of MVDream",
    )


@dataclass(frozen=True)
class CommonParameters:
    """Parameters of every task."""

    device: str = parameter(
        "Device",
        "auto",
        choices=("auto", "cpu", "cuda", "mps"),
        help="Where the work is done; auto takes the graphics card where there is one",
    )
    weights: str = weights(
        "starter", "The built-in starter weights, a set by its name in the list of models, or a folder or checkpoint"
    )


@dataclass(frozen=True)
class MeshParameters(CommonParameters):
    """Parameters of every task that makes a mesh."""

    mesh_resolution: int = parameter(
        "Mesh Resolution",
        128,
        32,
        512,
        unit="cells",
        help="Marching cubes cells along each side; more gives a finer mesh",
    )
    max_faces: int = parameter(
        "Maximum Faces",
        200_000,
        0,
        2_000_000,
        unit="faces",
        help="Simplify the mesh to at most this many triangles; 0 keeps all",
    )
    texture: str = parameter(
        "Texture",
        "off",
        choices=("off", "512", "1024", "2048", "4096"),
        unit="pixels",
        help="Unwrap the mesh and put its colours on a picture of this side, instead of on the vertices alone. The "
        "mesh then has at most 40,000 faces",
    )


def remove_background() -> Any:
    return parameter(
        "Remove Background",
        "auto",
        choices=("auto", "always", "never"),
        help="Cut the object out of the image; auto does so when the image has no transparency",
    )


def negative() -> Any:
    return parameter("Avoid", "", help="What it should not look like, in words")


def auto_elevation(help: str = "Estimate the camera's height above the object from the image") -> Any:
    return parameter("Estimate Elevation", True, help=help)


def elevation(
    default: float,
    help: str = "Angle from which the image looks down on the object, used when it is not estimated",
    maximum: float = 80,
) -> Any:
    return parameter("Elevation", default, -30, maximum, unit="deg", help=help)


def minutes(help: str = "Ends after this time, whatever it has by then; 0 takes all the steps") -> Any:
    return parameter("Time", 0.0, 0, 10_000, unit="minutes", help=help)


def steps(help: str, maximum: int = 100_000) -> Any:
    """Number of steps, where 0 takes what suits."""
    return parameter("Steps", 0, 0, maximum, help=help)


def guidance(help: str, maximum: float = 200) -> Any:
    """Scale of classifier-free guidance, where 0 takes what suits."""
    return parameter("Guidance", 0.0, 0, maximum, help=help)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that several engines share."""

from __future__ import annotations

from .parameters import Parameter

PROMPT = Parameter("prompt", "Prompt", "string", "")
REMOVE_BACKGROUND = Parameter(
    "remove_background",
    "Remove Background",
    "choice",
    "auto",
    choices=("auto", "always", "never"),
    help="Cut the object out of the image; auto does so when the image has no transparency",
)
DEVICE = Parameter(
    "device",
    "Device",
    "choice",
    "auto",
    choices=("auto", "cpu", "cuda", "mps"),
    help="Where the work is done; auto takes the graphics card where there is one",
)
COMMON = (
    Parameter(
        "mesh_resolution",
        "Mesh Resolution",
        "int",
        128,
        32,
        512,
        unit="cells",
        help="Marching cubes cells along each side; more gives a finer mesh",
    ),
    Parameter(
        "max_faces",
        "Maximum Faces",
        "int",
        200_000,
        0,
        2_000_000,
        unit="faces",
        help="Simplify the mesh to at most this many triangles; 0 keeps all",
    ),
    Parameter(
        "texture",
        "Texture",
        "choice",
        "off",
        choices=("off", "512", "1024", "2048", "4096"),
        unit="pixels",
        help="Unwrap the mesh and put its colours on a picture of this side, instead of on the vertices alone. The "
        "mesh then has at most 40,000 faces",
    ),
    DEVICE,
    Parameter(
        "weights",
        "Weights",
        "string",
        "starter",
        help="The built-in starter weights, a set by its name in the list of models, or a folder or checkpoint",
    ),
)

NEGATIVE = Parameter("negative", "Avoid", "string", "", help="What it should not look like, in words")
TEXT_WEIGHTS = Parameter(
    "weights",
    "Weights",
    "string",
    "starter-text",
    help="The built-in starter weights, a set by its name in the list of models, or a diffusers folder",
)

MULTI_VIEW_WEIGHTS = Parameter(
    "weights",
    "Weights",
    "string",
    "starter-text",
    help="The built-in starter weights, a set by its name in the list of models, or a folder or .pt file of MVDream",
)

AUTO_ELEVATION = Parameter(
    "auto_elevation",
    "Estimate Elevation",
    "bool",
    True,
    help="Estimate the camera's height above the object from the image",
)
MINUTES = Parameter(
    "minutes",
    "Time",
    "float",
    0.0,
    0,
    10_000,
    unit="minutes",
    help="Ends after this time, whatever it has by then; 0 takes all the steps",
)


def elevation(default: float, more: str = "") -> Parameter:
    """From where the image was taken; more: what the tooltip says besides."""
    told = "Angle from which the image looks down on the object" + more
    return Parameter("elevation_deg", "Elevation", "float", default, -30, 80, unit="deg", help=told)


def steps(help: str, maximum: int = 100_000) -> Parameter:
    """0 takes what suits."""
    return Parameter("steps", "Steps", "int", 0, 0, maximum, help=help)


def guidance(help: str, maximum: int = 200) -> Parameter:
    """Of classifier-free guidance; 0 takes what suits."""
    return Parameter("guidance_scale", "Guidance", "float", 0.0, 0, maximum, help=help)

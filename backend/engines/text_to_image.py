# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of what a prompt says, for the engines that take one; by any text-to-image model in diffusers' layout."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..rendering.mesh import Mesh
from ..runtime.devices import choose_device
from ..runtime.progress import Progress
from ..weights.loaders.stable_diffusion import load_text_to_image
from ..weights.loaders.subjects import find_subjects, keep_with_subjects
from . import Request, Result
from .dreamfusion import read_prompt

STEPS = 30
GUIDANCE, STARTER_GUIDANCE = 7.5, 3.0  # a small model's colours burn sooner
SMALL = 128  # pixels
ALONE = ", single object, centered, plain white background"  # what the image engines need; the starter knows no other


def imagine(prompt: str, parameters: dict[str, Any], progress: Progress, seed: int) -> np.ndarray:
    """float32 RGBA (S, S, 4), opaque. Raises ParameterError, WeightsError, Cancelled."""
    prompt = read_prompt(prompt)
    progress.update("Loading weights", 0, 1)
    subjects = find_subjects(f"{prompt} {parameters['negative']}")
    model = load(parameters["weights"], choose_device(parameters["device"]), tuple(subjects))
    is_small = model.image_size < SMALL
    scale = parameters["guidance_scale"] or (STARTER_GUIDANCE if is_small else GUIDANCE)
    picture = model.sample(
        prompt if is_small else prompt + ALONE,
        parameters["negative"],
        parameters["steps"] or STEPS,
        scale,
        torch.Generator().manual_seed(seed),
        lambda i, n: progress.update("Picture", i, n),
    )[0]
    color = picture.permute(1, 2, 0).float().cpu().numpy()
    return np.concatenate([color, np.ones_like(color[..., :1])], -1)


def run(request: Request, progress: Progress) -> Result:
    """For a request of Blender's: the picture is the only view, and there is no mesh."""
    pixels = imagine(request.inputs["prompt"], request.parameters, progress, request.seed)
    return Result(Mesh(np.empty((0, 3)), np.empty((0, 3))), np.rint(pixels[None] * 255).astype(np.uint8))


load = keep_with_subjects(load_text_to_image)
unload = load.drop

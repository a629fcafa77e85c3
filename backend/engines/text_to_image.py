# SPDX-License-Identifier: GPL-3.0-or-later
"""A prompt -> an image, for the engines that take one; by any text-to-image model in diffusers' layout."""

from __future__ import annotations

import torch
from torch import Tensor

from ..interface.tasks import TextToImageParameters
from ..runtime.devices import choose_device
from ..runtime.images import to_opaque_bytes
from ..runtime.progress import Progress
from ..weights.loaders.stable_diffusion import load_text_to_image
from ..weights.loaders.subjects import find_subjects, keep_with_subjects
from . import ImageResult, Request

STEPS = 30
GUIDANCE, STARTER_GUIDANCE = 7.5, 3.0  # a small model's colours saturate sooner
SUFFIX = ", single object, centered, plain white background"  # for the image engines; the starter knows nothing else


def run(request: Request[TextToImageParameters], progress: Progress) -> ImageResult:
    """A text in inputs["prompt"] -> one image of it."""
    return ImageResult(to_opaque_bytes(generate(request.inputs["prompt"], request.parameters, progress, request.seed)))


def generate(prompt: str, parameters: TextToImageParameters, progress: Progress, seed: int) -> Tensor:
    """A prompt -> an image (1, 3, S, S) in 0..1. Raises ParameterError, WeightsError, Cancelled."""
    progress.update("Loading weights", 0, 1)
    subjects = find_subjects(f"{prompt} {parameters.negative}")
    model = load(parameters.weights, choose_device(parameters.device), tuple(subjects))
    text = prompt if model.is_starter else prompt + SUFFIX
    progress.remarks += model.unused_words(text, parameters.negative)
    return model.sample(
        text,
        parameters.negative,
        parameters.steps or STEPS,
        parameters.guidance_scale or (STARTER_GUIDANCE if model.is_starter else GUIDANCE),
        torch.Generator().manual_seed(seed),
        lambda i, n: progress.update("Picture", i, n),
    )


load = keep_with_subjects(load_text_to_image)

# SPDX-License-Identifier: GPL-3.0-or-later
"""A prompt -> images of one object from several sides at once (MVDream, section 3)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..diffusion.mvdream import SUFFIX, place_cameras
from ..interface.tasks import ViewsFromTextParameters
from ..rendering.cameras import Camera
from ..runtime.devices import choose_device
from ..runtime.images import to_opaque_bytes
from ..runtime.progress import Progress
from ..weights.loaders.mvdream import load_multi_view
from ..weights.loaders.subjects import find_subjects, keep_with_subjects
from . import ImageResult, Request

STEPS, STARTER_STEPS = 50, 30
GUIDANCE, STARTER_GUIDANCE = 10.0, 3.0  # a small model's colours saturate sooner


def run(request: Request[ViewsFromTextParameters], progress: Progress) -> ImageResult:
    """A text in inputs["prompt"] -> images, the first one from the front; the facts have their cameras: poses row by
    row, and the field of view."""
    images, cameras = generate(request.inputs["prompt"], request.parameters, progress, request.seed)
    facts = {
        "radius": float(cameras[0].position.norm()),
        "fov_deg": cameras[0].fov_deg,
        "poses": [camera.cam_to_world.tolist() for camera in cameras],
    }
    return ImageResult(to_opaque_bytes(images), facts)


def generate(
    prompt: str, parameters: ViewsFromTextParameters, progress: Progress, seed: int
) -> tuple[Tensor, list[Camera]]:
    """A prompt -> images (V, 3, S, S) in 0..1 and their cameras. Raises ParameterError, WeightsError, Cancelled."""
    progress.plan({"Loading weights": 2, "Views": 20})
    progress.update("Loading weights", 0, 1)
    subjects = find_subjects(f"{prompt} {parameters.negative}")
    model = load(parameters.weights, choose_device(parameters.device), tuple(subjects))
    cameras = place_cameras(model, parameters.views, parameters.elevation_deg)
    text = prompt if model.is_starter else prompt + SUFFIX
    progress.remarks += model.unused_words(text, parameters.negative)
    images = model.sample_views(
        text,
        parameters.negative,
        cameras,
        parameters.steps or (STARTER_STEPS if model.is_starter else STEPS),
        parameters.guidance_scale or (STARTER_GUIDANCE if model.is_starter else GUIDANCE),
        torch.Generator().manual_seed(seed),
        lambda i, n: progress.update("Views", i, n),
    )
    return images, cameras


load = keep_with_subjects(load_multi_view)

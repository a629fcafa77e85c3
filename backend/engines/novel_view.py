# SPDX-License-Identifier: GPL-3.0-or-later
"""Zero-1-to-3 (Liu et al. 2023): the object in an image, seen by cameras around it."""

from __future__ import annotations

import torch

from ..interface.tasks import NovelViewParameters
from ..interface.view_set import RADIUS
from ..preprocess.background import remove_background
from ..preprocess.input_camera import input_camera
from ..preprocess.zero123_framing import novel_view_input
from ..runtime.devices import choose_device
from ..runtime.images import to_opaque_bytes
from ..runtime.progress import Progress
from ..weights.loaders.one2345 import load_models
from . import ImageResult, Request


def run(request: Request[NovelViewParameters], progress: Progress) -> ImageResult:
    """Image float32 RGBA (H, W, 4) in inputs["image"]; (azimuth, elevation) pairs in degrees in inputs["angles"], where
    the image's own view is azimuth 0 at its own elevation, for which None may stand -> an image for each pair.

    The cameras look at the middle of the cube, from the distance of view_set's.
    """
    parameters, angles = request.parameters, request.inputs["angles"]
    progress.plan({"Loading weights": 2, "View": 1 + len(angles)})
    cutout = remove_background(request.inputs["image"], parameters.remove_background)
    progress.update("Loading weights", 0, 1)
    models = load_models(parameters.weights, choose_device(parameters.device))
    progress.update("Loading weights", 1, 1)
    model, is_whole = models.zero123, parameters.remove_background == "never"
    image = novel_view_input(cutout.image, model.image_size, model.is_starter, is_whole).to(models.device)
    condition = model.encode(image)
    own, distance = input_camera(model.kind, image, parameters.elevation_deg, parameters.auto_elevation)
    sampling = model.sampling(parameters.quality, parameters.num_inference_steps, parameters.guidance_scale)
    views = []
    for number, (azimuth, elevation) in enumerate(angles):  # one after the other, so that each is shown when it is made
        turn = torch.tensor([azimuth, 0.0 if elevation is None else elevation - own], device=models.device)
        views += model.sample(
            condition,
            model.pose(turn[:1], turn[1:], own, RADIUS - distance),
            sampling,
            torch.Generator().manual_seed(request.seed),
            step_done=lambda i, n, number=number: progress.update("View", number * n + i, n * len(angles)),
        )
        progress.preview(to_opaque_bytes(torch.stack(views)))
    facts = {"elevation_deg": round(own, 1), "background": cutout.note}
    facts["elevation"] = "estimated" if parameters.auto_elevation and model.is_starter else "given"
    return ImageResult(to_opaque_bytes(torch.stack(views)), facts)

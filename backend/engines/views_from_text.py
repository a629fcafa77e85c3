# SPDX-License-Identifier: GPL-3.0-or-later
"""What a prompt says, seen from several sides at once (MVDream, section 3): views that show one and the same object."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from ..diffusion.mvdream import SUFFIX, MultiView, around
from ..interface.view_set import FOV_DEG, RADIUS
from ..rendering.cameras import Camera
from ..rendering.mesh import Mesh
from ..runtime.devices import choose_device
from ..runtime.progress import Progress
from ..weights.loaders.mvdream import load_multi_view
from ..weights.loaders.subjects import find_subjects, keep_with_subjects
from . import Request, Result
from .dreamfusion import read_prompt

STEPS, STARTER_STEPS = 50, 30
GUIDANCE, STARTER_GUIDANCE = 10.0, 3.0  # a small model's colours burn sooner
SMALL = 128  # pixels
LENS_DEG = (
    40.0  # MVDream is not told the lens; it learnt from 15 to 60 degrees, always as far away as fills the picture
)


def run(request: Request, progress: Progress) -> Result:
    """A text in inputs["prompt"] -> the views, the first one from the front, and no mesh."""
    views, cameras = imagine(request.inputs.get("prompt"), request.parameters, progress, request.seed)
    nothing = Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))
    return Result(nothing, np.rint(views * 255).astype(np.uint8), facts_of(cameras))


def imagine(prompt: Any, parameters: dict[str, Any], progress: Progress, seed: int) -> tuple[np.ndarray, list[Camera]]:
    """float32 RGBA (V, S, S, 4), opaque, and the cameras as the views show the object. Raises ParameterError,
    WeightsError, Cancelled."""
    prompt = read_prompt(prompt)
    progress.plan({"Loading weights": 2, "Views": 20})
    progress.update("Loading weights", 0, 1)
    subjects = find_subjects(f"{prompt} {parameters['negative']}")
    model = load(parameters["weights"], choose_device(parameters["device"]), tuple(subjects))
    is_small = model.image_size < SMALL
    cameras = lay_cameras(model, parameters["views"], parameters["elevation_deg"])
    pictures = model.sample_views(
        prompt if is_small else prompt + SUFFIX,
        parameters["negative"],
        cameras,
        parameters["steps"] or (STARTER_STEPS if is_small else STEPS),
        parameters["guidance_scale"] or (STARTER_GUIDANCE if is_small else GUIDANCE),
        torch.Generator().manual_seed(seed),
        lambda i, n: progress.update("Views", i, n),
    )
    color = pictures.permute(0, 2, 3, 1).float().cpu().numpy()
    return np.concatenate([color, np.ones_like(color[..., :1])], -1), cameras


def lay_cameras(model: MultiView, views: int, elevation_deg: float) -> list[Camera]:
    """Around the object, which fits the cube [-0.5, 0.5]^3; the starter knows one lens and distance."""
    if model.image_size < SMALL:
        return around(views, elevation_deg, RADIUS, FOV_DEG, model.image_size)
    half = RADIUS * math.tan(math.radians(FOV_DEG) / 2)
    return around(views, elevation_deg, half / math.tan(math.radians(LENS_DEG) / 2), LENS_DEG, model.image_size)


def facts_of(cameras: list[Camera]) -> dict[str, Any]:
    """Where the cameras stand: poses row by row, and the lens."""
    return {
        "radius": float(cameras[0].position.norm()),
        "fov_deg": cameras[0].fov_deg,
        "poses": [camera.cam_to_world.tolist() for camera in cameras],
    }


load = keep_with_subjects(load_multi_view)
unload = load.drop

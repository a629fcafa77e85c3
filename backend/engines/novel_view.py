# SPDX-License-Identifier: GPL-3.0-or-later
"""Zero-1-to-3 as it is (Liu et al. 2023): the object in an image, seen by cameras around it."""

from __future__ import annotations

import numpy as np
import torch

from ..interface.view_set import RADIUS
from ..preprocess.background import remove_background
from ..preprocess.input_camera import input_camera
from ..rendering.mesh import Mesh
from ..runtime.progress import Progress
from ..weights.loaders.one2345 import load_models
from . import Request, Result
from .one2345 import choose_sampling, load, pose_tensor, to_novel_view_input, to_pictures


def run(request: Request, progress: Progress) -> Result:
    """Image float32 RGBA (H, W, 4) in inputs["image"]; (azimuth, elevation) pairs in degrees in inputs["angles"], where
    the image's own view is azimuth 0 at its own elevation, which None stands for -> the views, and no mesh.

    The views' cameras look at the middle of the cube as view_set's do.
    """
    parameters, angles = request.parameters, request.inputs["angles"]
    progress.plan({"Loading weights": 2, "View": 1 + len(angles)})
    cutout = remove_background(request.inputs["image"], parameters["remove_background"])
    models = load(parameters, progress)
    model, picture = models.zero123, to_novel_view_input(cutout.image, models, parameters)
    condition = model.encode(picture)
    elevation, distance = input_camera(model.kind, picture, parameters)
    turns = [(azimuth, 0.0 if height is None else height - elevation) for azimuth, height in angles]
    views = []
    for number, turn in enumerate(turns):  # one after the other: each is shown when it is there
        generator = torch.Generator().manual_seed(request.seed)
        pose = pose_tensor(model, [turn], [elevation], RADIUS - distance, condition.embedding.device)
        seen = model.sample(
            condition,
            pose,
            choose_sampling(model, parameters),
            generator,
            step_done=lambda i, n, number=number: progress.update("View", number * n + i, n * len(turns)),
        )
        views.append(to_pictures(seen)[0])
        progress.preview(np.stack(views))
    nothing = Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))
    facts = {"elevation_deg": round(elevation, 1), "background": cutout.note}
    facts["elevation"] = "estimated" if parameters["auto_elevation"] and model.kind == "starter" else "given"
    return Result(nothing, np.stack(views), facts)


def unload() -> None:
    """Drop the models that `run` keeps between jobs."""
    load_models.drop()

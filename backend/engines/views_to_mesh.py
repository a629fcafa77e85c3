# SPDX-License-Identifier: GPL-3.0-or-later
"""Images with known cameras -> mesh in the cameras' world: SparseNeuS in one pass, or NeuS when quality counts."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from ..interface.errors import ImageError
from ..interface.tasks import ViewsToMeshParameters
from ..meshing.texture import decimate_and_texture
from ..optimisation.loop import optimise
from ..optimisation.neus import NeusObjective
from ..preprocess.background import remove_background
from ..preprocess.views.common_object import CommonObject
from ..preprocess.views.poses import settle
from ..preprocess.views.square_views import SquareViews, square_views
from ..reconstruction.sparse_neus.to_mesh import mesh_from_images
from ..rendering.mesh import Mesh
from ..runtime.devices import choose_device
from ..runtime.images import to_bytes
from ..runtime.progress import Progress
from ..weights.loaders.one2345 import load_models
from . import MeshResult, Request

SIDE = {"fast": 256, "neus": 160}  # pixels a side of the squares that the views become
NEUS_STEPS = 300
FAST_STAGES: dict[str, float] = {"Preparing": 1, "Loading weights": 3, "Features": 3, "Surface": 4, "Colors": 3}
NEUS_STAGES: dict[str, float] = {"Preparing": 1, "Start": 10, "Optimising": 100, "Surface": 4}


def run(request: Request[ViewsToMeshParameters], progress: Progress) -> MeshResult:
    """Images float32 RGBA (H, W, 4) in inputs["views"], of any sizes, and their ViewCameras in inputs["cameras"] -> the
    mesh of the object that they share, where the cameras are."""
    parameters, is_fast = request.parameters, request.parameters.method == "fast"
    progress.plan(FAST_STAGES if is_fast else NEUS_STAGES)
    views, shared, notes = prepare(request, progress)
    if is_fast:
        mesh, facts = reconstruct(views, parameters, choose_device(parameters.device), progress), {}
    else:
        mesh, facts = optimise_neus(request, views, choose_device(parameters.device), progress)
    placed = (mesh.vertices * shared.diameter + shared.middle).astype(np.float32)
    if notes:
        facts |= {"warning": " ".join(notes)}
    return MeshResult(replace(mesh, vertices=placed), to_bytes(views.images), facts | {"views": len(views.images)})


def prepare(request: Request[ViewsToMeshParameters], progress: Progress) -> tuple[SquareViews, CommonObject, list[str]]:
    """The views of the cut-out object, in a world where it fits [-0.5, 0.5]^3; where that is; and warnings.

    Raises ViewsError, ImageError."""
    parameters, given = request.parameters, request.inputs["views"]
    device, cut = str(choose_device(parameters.device)), []
    for number, view in enumerate(given):
        progress.update("Preparing", number, len(given))
        try:
            cut.append(remove_background(view, parameters.remove_background, device).image)
        except ImageError as error:
            raise ImageError(f"View {number}: {error}", error.remedy) from error
    cameras, shared, notes = settle(cut, request.inputs["cameras"])
    return square_views(cut, cameras, shared, SIDE[parameters.method]), shared, notes


def reconstruct(
    views: SquareViews, parameters: ViewsToMeshParameters, device: torch.device, progress: Progress
) -> Mesh:
    """The mesh of views, by SparseNeuS."""
    progress.update("Loading weights", 0, 1)
    models = load_models(parameters.weights, device)
    progress.update("Loading weights", 1, 1)
    size = models.zero123.image_size
    return mesh_from_images(models.sparse_neus, views.images, size, views.cameras, parameters, progress)


def optimise_neus(
    request: Request[ViewsToMeshParameters], views: SquareViews, device: torch.device, progress: Progress
) -> tuple[Mesh, dict[str, Any]]:
    """The mesh of views, by NeuS, and facts."""
    parameters = request.parameters
    progress.update("Start", 0, 1)
    images, known = (torch.from_numpy(array).to(device) for array in (views.images, views.known))
    steps, cameras = parameters.steps or NEUS_STEPS, [camera.to(device) for camera in views.cameras]
    objective = NeusObjective(images, cameras, steps, request.seed, partial(progress.update, "Start"), known)
    seconds = 60 * parameters.minutes or None
    outcome = optimise(objective, progress, steps, seconds, request.seed, identity=request.identity)
    progress.update("Surface", 0, 1)
    return decimate_and_texture(objective.mesh(parameters.mesh_resolution), parameters), outcome.facts

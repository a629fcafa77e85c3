# SPDX-License-Identifier: GPL-3.0-or-later
"""Images with known cameras -> mesh in the cameras' world: SparseNeuS in one pass, or NeuS when quality counts."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from ..interface.tasks import ViewsToMeshParameters
from ..meshing.texture import decimate_and_texture
from ..optimisation.loop import optimise
from ..optimisation.neus import NeusObjective
from ..preprocess.background import remove_background
from ..preprocess.views import align
from ..reconstruction.sparse_neus.to_mesh import mesh_from_images
from ..reconstruction.sparse_neus.volume_frame import object_box
from ..rendering.cameras import Camera
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
BOX_MARGIN = 1.1  # by which object_box is wider than the cube [-0.5, 0.5]^3 that the cameras see


def run(request: Request[ViewsToMeshParameters], progress: Progress) -> MeshResult:
    """Images float32 RGBA (H, W, 4) in inputs["views"], of any sizes, their cameras in inputs["cameras"]; all look at
    the object -> its mesh, where the cameras are."""
    parameters, is_fast = request.parameters, request.parameters.method == "fast"
    progress.plan(FAST_STAGES if is_fast else NEUS_STAGES)
    progress.update("Preparing", 0, 1)
    mode, device = parameters.remove_background, choose_device(parameters.device)
    cut = [remove_background(view, mode, str(device)).image for view in request.inputs["views"]]
    views, cameras = align(cut, request.inputs["cameras"], SIDE[parameters.method])
    if is_fast:
        mesh, facts = reconstruct(views, cameras, parameters, device, progress), {}
    else:
        mesh, facts = optimise_neus(request, views, cameras, device, progress)
    return MeshResult(mesh, to_bytes(views), facts | {"views": len(views)})


def reconstruct(
    views: np.ndarray,
    cameras: list[Camera],
    parameters: ViewsToMeshParameters,
    device: torch.device,
    progress: Progress,
) -> Mesh:
    """Posed views float32 RGBA (V, S, S, 4) -> mesh in the cameras' world, by SparseNeuS."""
    progress.update("Loading weights", 0, 1)
    models = load_models(parameters.weights, device)
    progress.update("Loading weights", 1, 1)
    return mesh_from_images(models.sparse_neus, views, models.zero123.image_size, cameras, parameters, progress)


def optimise_neus(
    request: Request[ViewsToMeshParameters],
    views: np.ndarray,
    cameras: list[Camera],
    device: torch.device,
    progress: Progress,
) -> tuple[Mesh, dict[str, Any]]:
    """Posed views float32 RGBA (V, S, S, 4) of one field of view -> mesh in the cameras' world, by NeuS; facts."""
    parameters = request.parameters
    progress.update("Start", 0, 1)
    images, steps = torch.from_numpy(views).to(device), parameters.steps or NEUS_STEPS
    box = object_box(torch.stack([camera.cam_to_world for camera in cameras]), cameras[0].fov_deg)
    middle, unit = box[:3, 3], float(2 * box[0, 0] / BOX_MARGIN)
    inside = [into_cube(camera, middle, unit).to(device) for camera in cameras]
    objective = NeusObjective(images, inside, steps, request.seed, partial(progress.update, "Start"))
    seconds = 60 * parameters.minutes or None
    outcome = optimise(objective, progress, steps, seconds, request.seed, identity=request.identity)
    progress.update("Surface", 0, 1)
    mesh = decimate_and_texture(objective.mesh(parameters.mesh_resolution), parameters)
    placed = (mesh.vertices * unit + middle.numpy()).astype(np.float32)
    return replace(mesh, vertices=placed), outcome.facts


def into_cube(camera: Camera, middle: torch.Tensor, unit: float) -> Camera:
    """The camera in a world where `middle` (3,), at which all cameras look, is the origin, and `unit` is 1."""
    matrix = camera.cam_to_world.clone()
    matrix[:3, 3] = (matrix[:3, 3] - middle) / unit
    return Camera(matrix, camera.fov_deg, camera.width, camera.height)

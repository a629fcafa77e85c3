# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures with known cameras -> mesh in the cameras' world: SparseNeuS in one pass, or NeuS when quality counts."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from ..meshing.texture import decimate_and_texture
from ..optimisation.loop import optimise
from ..optimisation.neus import Neus
from ..preprocess.background import remove_background
from ..preprocess.views import align
from ..reconstruction.sparse_neus.volume_frame import object_box
from ..rendering.cameras import Camera
from ..rendering.mesh import Mesh
from ..runtime.devices import choose_device
from ..runtime.progress import Progress
from ..weights.loaders.one2345 import load_models
from . import Request, Result, one2345

SIDE = {"fast": 256, "neus": 160}  # pixels a side of the squares that the views become
STEPS = 300
WIDER = 1.1  # by which object_box is wider than what the cameras see: their view then is the cube [-0.5, 0.5]^3


def run(request: Request, progress: Progress) -> Result:
    """Images float32 RGBA (H, W, 4) in inputs["views"], of any sizes, their cameras in inputs["cameras"]; all look at
    the object -> its mesh, where the cameras are."""
    begin, parameters = time.monotonic(), request.parameters
    mode, device = parameters["remove_background"], choose_device(parameters["device"])
    progress.update("Preparing", 0, 1)
    cut = [remove_background(view, mode, str(device)).image for view in request.inputs["views"]]
    views, cameras = align(cut, request.inputs["cameras"], SIDE[parameters["method"]])
    mesh, facts = reconstruct_with_facts(views, cameras, parameters, progress, request.seed)
    facts |= {"views": len(views), "vertices": len(mesh.vertices), "faces": len(mesh.faces)}
    return Result(mesh, to_bytes(views), facts | {"seconds": round(time.monotonic() - begin, 1)})


def reconstruct(views: np.ndarray, cameras: list[Camera], parameters: dict[str, Any], progress: Progress) -> Mesh:
    """Posed views float32 RGBA (V, H, W, 4) -> mesh in the cameras' world."""
    squares, cameras = align(list(views), cameras, SIDE[parameters["method"]])
    return reconstruct_with_facts(squares, cameras, parameters, progress)[0]


def reconstruct_with_facts(
    views: np.ndarray, cameras: list[Camera], parameters: dict[str, Any], progress: Progress, seed: int = 0
) -> tuple[Mesh, dict[str, Any]]:
    """Posed views float32 RGBA (V, S, S, 4) of one field of view -> mesh in the cameras' world, and facts."""
    if parameters["method"] == "fast":
        return one2345.reconstruct(views, cameras, parameters, progress), {}
    progress.plan({"Start": 10, "Optimising": 100, "Surface": 4})
    progress.update("Start", 0, 1)
    device = choose_device(parameters["device"])
    images, steps = torch.from_numpy(views).to(device), parameters["steps"] or STEPS
    box = object_box(torch.stack([camera.cam_to_world for camera in cameras]), cameras[0].fov_deg)
    middle, unit = box[:3, 3], float(2 * box[0, 0] / WIDER)
    inside = [into_cube(camera, middle, unit).to(device) for camera in cameras]
    task = Neus(images, inside, steps, seed, partial(progress.update, "Start"))
    outcome = optimise(task, progress, steps, 60 * parameters["minutes"] or None, seed)
    progress.update("Surface", 0, 1)
    mesh = decimate_and_texture(task.mesh(parameters["mesh_resolution"]), parameters)
    placed = (mesh.vertices * unit + middle.numpy()).astype(np.float32)
    return replace(mesh, vertices=placed), outcome.facts


def into_cube(camera: Camera, middle: torch.Tensor, unit: float) -> Camera:
    """The camera in a world where what all cameras look at is the origin and `unit` is 1."""
    matrix = camera.cam_to_world.clone()
    matrix[:3, 3] = (matrix[:3, 3] - middle) / unit
    return Camera(matrix, camera.fov_deg, camera.width, camera.height)


def to_bytes(views: np.ndarray) -> np.ndarray:
    return np.rint(views.clip(0, 1) * 255).astype(np.uint8)


def unload() -> None:
    """Drop the models that `run` keeps between jobs."""
    load_models.drop()

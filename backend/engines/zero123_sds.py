# SPDX-License-Identifier: GPL-3.0-or-later
"""Zero-1-to-3's 3D reconstruction (Liu et al. 2023, section 3.3): a field that looks like the image from in front, and
from elsewhere as the diffusion model expects; by SDS (threestudio), or by SJC with voxels (3DRec)."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import torch

from ..diffusion.prior import Zero123Prior
from ..diffusion.zero123 import Zero123
from ..fields.initial import fit_mesh
from ..input_view.input_view import INPUT_VIEW_SIZE, InputView
from ..input_view.match_camera import match_camera
from ..input_view.outline import match_silhouette
from ..input_view.picture_colors import NOT_PROJECTED, PROJECTED, finish_mesh
from ..interface.tasks import Zero123SDSParameters
from ..interface.view_set import FOV_DEG, RADIUS
from ..optimisation.image_objective import ImageObjective, Reference
from ..optimisation.loop import optimise
from ..optimisation.recipes.base import Recipe
from ..optimisation.recipes.image_prior import choose_recipe, make_field, refining
from ..optimisation.start import fit_into, is_shown, starting_mesh
from ..preprocess.background import remove_background
from ..preprocess.framed_view import framed_view
from ..preprocess.framing import frame
from ..preprocess.input_camera import input_camera
from ..preprocess.zero123_framing import framed_input
from ..rendering.cameras import Camera, orbit
from ..rendering.mesh import Mesh
from ..runtime.devices import choose_device
from ..runtime.progress import Progress
from ..weights.loaders.one2345 import load_models, load_novel_view
from . import MeshResult, Request

STAGES: dict[str, float] = {"Preparing": 1, "Loading weights": 2, "Start": 10, "Optimising": 100, "Surface": 4}
NOT_SHOWN = "The mesh does not lie over the image, so it was not matched to the image."


def run(request: Request[Zero123SDSParameters], progress: Progress) -> MeshResult:
    """Image float32 RGBA (H, W, 4) in inputs["image"], and perhaps a Mesh to start from in inputs["mesh"] -> the mesh,
    its front (-Y) the image's view, and four views of it."""
    parameters = request.parameters
    mesh, start, warning = starting_mesh(parameters.start, request.inputs), None, ""
    progress.plan(STAGES)
    progress.update("Preparing", 0, 1)
    cutout = remove_background(request.inputs["image"], parameters.remove_background)
    progress.update("Loading weights", 0, 1)
    model = load(parameters)
    recipe = choose_recipe(model.kind, parameters)
    prior, reference, elevation = encode_image(model, cutout.image, recipe, parameters)
    view, camera = None, reference.camera
    if parameters.match_picture:
        view = framed_view(cutout.image, camera.cam_to_world, camera.fov_deg, 1.0, model.device)
    progress.update("Start", 0, 1)
    field = make_field(model.kind, parameters.method, request.seed, mesh is not None).to(model.device)
    if mesh is not None:
        recipe, mesh = refining(recipe, gently=field.is_sdf), fit_into(mesh)
        start = fit_mesh(field, mesh, seed=request.seed, watch=partial(progress.update, "Start"))
        if view is not None and not is_shown(mesh, view):
            view, warning = None, NOT_SHOWN
    objective = ImageObjective(prior, field, reference, recipe, parameters.method, start)
    seconds = 60 * parameters.minutes or None
    outcome = optimise(objective, progress, recipe.steps, seconds, request.seed, identity=request.identity)
    progress.update("Surface", 0, 1)
    mesh = to_mesh(objective, view, parameters)
    facts = outcome.facts | {
        "background": cutout.note,
        "picture": NOT_PROJECTED if view is None else PROJECTED,
        "elevation_deg": round(elevation, 1),
        "picture_camera": match_camera(mesh, cutout.image[..., 3], elevation),
        "start": parameters.start,
    }
    return MeshResult(mesh, objective.views(), facts | ({"warning": warning} if warning else {}))


def load(parameters: Zero123SDSParameters) -> Zero123:
    """Zero123, from the models that are loaded if these are the same weights. Raises WeightsError."""
    device = choose_device(parameters.device)
    if (parameters.weights, device) in load_models:
        return load_models(parameters.weights, device).zero123
    return load_novel_view(parameters.weights, device)


def encode_image(
    model: Zero123, rgba: np.ndarray, recipe: Recipe, parameters: Zero123SDSParameters
) -> tuple[Zero123Prior, Reference, float]:
    """A cut-out image (H, W, 4) -> the prior that it conditions, the reference, and its camera's elevation in degrees.

    The starter's reference is the framed image with a narrower lens at the rig's distance.
    """
    device = model.device
    image = framed_input(rgba, model.image_size)
    condition = model.encode(image.to(device))
    elevation, distance = input_camera(model.kind, image, parameters.elevation_deg, parameters.auto_elevation)
    radius = sum(recipe.radius) / 2
    if model.is_starter:
        fov = 2 * math.degrees(math.atan(math.tan(math.radians(FOV_DEG / 2)) * distance / RADIUS))
    else:
        distance, fov = radius, recipe.fov_deg
    framed = torch.from_numpy(frame(rgba, INPUT_VIEW_SIZE)[0]).to(device)
    camera = Camera(orbit(0, elevation, radius), fov, INPUT_VIEW_SIZE, INPUT_VIEW_SIZE)
    return Zero123Prior(model, condition, elevation, distance), Reference(framed, camera), elevation


@torch.no_grad()
def to_mesh(objective: ImageObjective, view: InputView | None, parameters: Zero123SDSParameters) -> Mesh:
    """The clean coloured mesh with the view's colours; a signed distance is cut to the view's outline too."""
    resolution, field, outline = parameters.mesh_resolution, objective.field, None
    if view is not None and field.is_sdf:
        reach = field.bounds[1]
        outline = partial(match_silhouette, view=view, reach=reach, cell=2 * reach / resolution)
    mesh = objective.mesh(resolution, outline)
    return finish_mesh(mesh, parameters, None, view, unseen_sides=parameters.unseen_sides)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Make-It-3D (Tang et al. 2023): an image and its caption -> a field that diffusion, CLIP and the image's depth agree
on -> points in the image's own colours, refined -> the coloured mesh."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ..diffusion.stable_diffusion import TextPrior
from ..diffusion.view_prompts import SIDES, view_prompt
from ..input_view.match_camera import match_camera
from ..input_view.picture_colors import PROJECTED, finish_mesh
from ..input_view.view_colors import blended_colors, paint_vertices
from ..interface.tasks import MakeIt3DParameters
from ..meshing.texture import Colors, nearest_vertex_colors
from ..optimisation.image_objective import Reference
from ..optimisation.loop import Outcome, optimise
from ..optimisation.make_it_3d_coarse import CoarseObjective, encode_reference
from ..optimisation.make_it_3d_refine import RefineObjective, make_cloud
from ..optimisation.recipes.make_it_3d import ImageRecipe, RefineRecipe, choose_recipes, make_field
from ..preprocess.background import remove_background
from ..preprocess.caption import describe
from ..preprocess.depth import estimate_depth
from ..preprocess.framed_view import framed_view
from ..preprocess.framing import frame
from ..rendering.cameras import Camera, orbit
from ..rendering.mesh import Mesh
from ..runtime.devices import choose_device
from ..runtime.progress import Progress
from ..weights.loaders.clip import load_clip_similarity
from ..weights.loaders.stable_diffusion import check_text_weights, load_text_to_image
from ..weights.loaders.subjects import find_subjects, load_with_subjects
from . import MeshResult, Request

STAGES: dict[str, float] = {
    "Preparing": 2,
    "Loading weights": 4,
    "Shape": 100,
    "Points": 6,
    "Refining": 60,
    "Surface": 4,
}
SHAPE_SHARE = 0.62  # of the time, where it is limited; the rest is for refining
REFERENCE_SIZE = 512  # pixels a side, as released


def run(request: Request[MakeIt3DParameters], progress: Progress) -> MeshResult:
    """Image float32 RGBA (H, W, 4) in inputs["image"] -> the mesh, its front (-Y) the image's view, and four views."""
    parameters = request.parameters
    progress.plan(STAGES)
    progress.update("Preparing", 0, 1)
    check_text_weights(parameters.weights)
    device = choose_device(parameters.device)
    cutout = remove_background(request.inputs["image"], parameters.remove_background)
    square = frame(cutout.image, REFERENCE_SIZE)[0]
    caption, about_caption = describe(square, parameters.description, device)
    depth, about_depth = estimate_depth(square, device)
    progress.update("Loading weights", 0, 1)
    likeness, about_likeness = load_clip_similarity(device)
    subjects = find_subjects(f"{caption} {parameters.negative}")
    model = load_with_subjects(load_text_to_image, parameters.weights, device, subjects)
    coarse, fine = choose_recipes(model, parameters)
    progress.remarks += model.unused_words(*(view_prompt(caption, side) for side in SIDES), parameters.negative)
    prior = TextPrior(model, caption, parameters.negative)
    reference = place_reference(square, parameters.elevation_deg, coarse, device)
    features = encode_reference(reference, likeness, caption, depth)
    objective = CoarseObjective(prior, make_field(model, request.seed).to(device), features, coarse)
    mesh, views, outcomes, colors = solve(objective, fine, request, progress)
    camera = reference.camera
    view = framed_view(cutout.image, camera.cam_to_world, camera.fov_deg, 1.0, device)
    mesh = finish_mesh(mesh, parameters, colors, view, lambda i, n: progress.update("Surface", i, n))
    facts = {
        "caption": caption,
        "background": cutout.note,
        "picture": PROJECTED,
        "picture_camera": match_camera(mesh, cutout.image[..., 3], parameters.elevation_deg),
        "stand_ins": " ".join(filter(None, (about_caption, about_depth, about_likeness))),
        "stages": [outcome.facts for outcome in outcomes],
    }
    return MeshResult(mesh, views, facts)


def solve(
    coarse: CoarseObjective, recipe: RefineRecipe, request: Request[MakeIt3DParameters], progress: Progress
) -> tuple[Mesh, np.ndarray, list[Outcome], Colors | None]:
    """Both stages: the mesh with refined vertex colours, four views, the outcomes, and the colours for a texture.

    Without refinement, or where the user ended the first stage early, the mesh is the first stage's.
    """
    parameters, identity, seed = request.parameters, request.identity, request.seed
    seconds = 60 * parameters.minutes
    shares = [SHAPE_SHARE * seconds, (1 - SHAPE_SHARE) * seconds] if parameters.refine else [seconds]
    first = optimise(coarse, progress, coarse.recipe.steps, shares[0] or None, seed, "Shape", identity)
    progress.update("Points", 0, 1)
    surface = coarse.mesh(parameters.mesh_resolution)
    if not parameters.refine or first.stopped:
        return surface, coarse.views(), [first], None
    cloud = make_cloud(coarse, surface, recipe)
    if not len(cloud.points):
        return surface, coarse.views(), [first], None
    fine = RefineObjective(coarse.prior, coarse.features, cloud, surface, recipe, coarse.recipe, seed)
    folder = refining_folder(progress.folder)
    second = optimise(fine, progress, recipe.steps, shares[-1] or None, seed, "Refining", identity, folder)
    progress.update("Surface", 0, 1)
    colors = blended_colors(fine.refined(), nearest_vertex_colors(surface))
    return paint_vertices(surface, colors), fine.views(), [first, second], colors


def refining_folder(folder: Path | None) -> Path | None:
    """A folder in the job's for the second stage's checkpoint."""
    if folder is None:
        return None
    (folder / "refining").mkdir(exist_ok=True)
    return folder / "refining"


def place_reference(square: np.ndarray, elevation_deg: float, recipe: ImageRecipe, device: torch.device) -> Reference:
    """The framed image (S, S, 4) with the camera that took it."""
    pose = orbit(0, elevation_deg, recipe.radius[0])
    return Reference(torch.from_numpy(square).to(device), Camera(pose, recipe.fov_deg, *square.shape[:2]))

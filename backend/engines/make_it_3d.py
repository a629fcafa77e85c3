# SPDX-License-Identifier: GPL-3.0-or-later
"""Make-It-3D (Tang et al. 2023): an image and its caption -> a field that diffusion, CLIP and the image's depth agree
on; then points in the image's own colours, refined, and brought back to the mesh."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ..diffusion.prior import Prior
from ..diffusion.stable_diffusion import TextPrior, TextToImage
from ..fields import hash_field
from ..fields.field import Field
from ..input_view.match_camera import match_camera
from ..input_view.view_colors import blended_colors, paint_vertices
from ..meshing.texture import Colors, decimate_and_texture, nearest_vertex_colors
from ..optimisation.loop import Outcome, optimise
from ..optimisation.make_it_3d_coarse import Coarse, Told, tell
from ..optimisation.make_it_3d_refine import Refine, make_cloud
from ..optimisation.objective import Reference
from ..optimisation.recipes import image_prior
from ..optimisation.recipes.image_prior import ImageRecipe, RefineRecipe
from ..preprocess.background import remove_background
from ..preprocess.caption import describe
from ..preprocess.depth import estimate_depth
from ..preprocess.framing import frame
from ..rendering.cameras import Camera, orbit
from ..rendering.mesh import Mesh
from ..runtime.devices import choose_device, choose_dtype
from ..runtime.progress import Progress
from ..weights.loaders.clip import load_likeness
from ..weights.loaders.stable_diffusion import check_text_weights, load_text_to_image
from ..weights.loaders.subjects import find_subjects, give_subjects
from . import Request, Result

STAGES: dict[str, float] = {
    "Preparing": 2,
    "Loading weights": 4,
    "Shape": 100,
    "Points": 6,
    "Refining": 60,
    "Surface": 4,
}
SMALL = 128  # pixels: a prior of smaller pictures gets a small field and few steps
SHARE = 0.62  # of the minutes are the shape's
TOLD_SIZE = 512  # pixels a side of the reference, as released


def run(request: Request, progress: Progress) -> Result:
    """Image float32 RGBA (H, W, 4) in inputs["image"] -> the mesh, its front (-Y) the image's view, and four views."""
    begin, parameters = time.monotonic(), request.parameters
    progress.plan(STAGES)
    progress.update("Preparing", 0, 1)
    check_text_weights(parameters["weights"])
    device = choose_device(parameters["device"])
    cutout = remove_background(request.inputs["image"], parameters["remove_background"])
    square = frame(cutout.image, TOLD_SIZE)[0]
    caption, about_caption = describe(square, parameters["description"], device)
    depth, about_depth = estimate_depth(square, device)
    progress.update("Loading weights", 0, 1)
    likeness, about_likeness = load_likeness(device)
    subjects = find_subjects(f"{caption} {parameters['negative']}")
    model = load_text_to_image(parameters["weights"], device, choose_dtype(device))
    give_subjects(model, subjects)
    coarse, fine = choose_recipes(model, parameters)
    prior = TextPrior(model, caption, parameters["negative"])
    told = tell(place(square, parameters["elevation_deg"], coarse, device), likeness, caption, depth)
    task = Coarse(prior, make_field(prior, request.seed).to(device), told, coarse)
    task.name += f" {caption} {parameters['negative']}"  # another description's checkpoint is not taken up
    mesh, views, outcomes, colors = solve(task, told, fine, parameters, progress, request.seed)
    mesh = decimate_and_texture(mesh, parameters, colors, lambda i, n: progress.update("Surface", i, n))
    facts = {
        "caption": caption,
        "background": cutout.note,
        "picture_camera": match_camera(mesh, cutout.image[..., 3], parameters["elevation_deg"]),
        "stand_ins": " ".join(filter(None, (about_caption, about_depth, about_likeness))),
        "stages": [outcome.facts for outcome in outcomes],
        "vertices": len(mesh.vertices),
        "faces": len(mesh.faces),
        "seconds": round(time.monotonic() - begin, 1),
    }
    return Result(mesh, views, facts)


def solve(
    task: Coarse, told: Told, fine: RefineRecipe, parameters: dict[str, Any], progress: Progress, seed: int
) -> tuple[Mesh, np.ndarray, list[Outcome], Colors | None]:
    """Both stages: the mesh with refined vertex colours, four views, what it took, and the colours for a texture."""
    seconds = 60 * parameters["minutes"]
    shares = [SHARE * seconds, (1 - SHARE) * seconds] if parameters["refine"] else [seconds]
    outcomes = [optimise(task, progress, task.recipe.steps, shares[0] or None, seed, "Shape")]
    progress.update("Points", 0, 1)
    surface = task.mesh(parameters["mesh_resolution"])
    if not parameters["refine"] or outcomes[0].stopped or not len(surface.faces):
        return surface, task.views(), outcomes, None
    cloud = make_cloud(task, surface, told, fine)
    if not len(cloud.points):
        return surface, task.views(), outcomes, None
    second = Refine(task.prior, told, cloud, surface, fine, task.recipe, seed)
    with apart(progress, "refining"):
        outcomes.append(optimise(second, progress, fine.steps, shares[-1] or None, seed, "Refining"))
    progress.update("Surface", 0, 1)
    colors = blended_colors(second.refined(), nearest_vertex_colors(surface))
    return paint_vertices(surface, colors), second.views(), outcomes, colors


@contextmanager
def apart(progress: Progress, name: str) -> Iterator[None]:
    """A folder in the job's for a second optimisation, whose checkpoint must not take the first one's place."""
    folder = progress.folder
    if folder is not None:
        progress.folder = folder / name
        progress.folder.mkdir(exist_ok=True)
    try:
        yield
    finally:
        progress.folder = folder


def choose_recipes(model: TextToImage, parameters: dict[str, Any]) -> tuple[ImageRecipe, RefineRecipe]:
    """The released settings for these weights, and what the user wants otherwise."""
    is_small = model.image_size < SMALL
    coarse = image_prior.STARTER if is_small else image_prior.MAKE_IT_3D
    fine = image_prior.STARTER_REFINE if is_small else image_prior.REFINE
    scale, steps = parameters["guidance_scale"], parameters["steps"]
    if steps:
        fine = replace(fine, steps=max(1, round(fine.steps * steps / coarse.steps)))
    if scale:
        fine = replace(fine, guidance_scale=scale)
    return replace(coarse.shortened(steps), guidance_scale=scale or coarse.guidance_scale), fine


def place(square: np.ndarray, elevation_deg: float, chosen: ImageRecipe, device: torch.device) -> Reference:
    """The framed picture (S, S, 4) with the camera that took it."""
    matrix = orbit(0, elevation_deg, chosen.radius[0])
    return Reference(torch.from_numpy(square).to(device), Camera(matrix, chosen.fov_deg, *square.shape[:2]))


def make_field(prior: Prior, seed: int) -> Field:
    return (
        hash_field.small(seed=seed) if prior.image_size < SMALL else hash_field.published(seed=seed, bands=(0.2, 0.6))
    )

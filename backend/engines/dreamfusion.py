# SPDX-License-Identifier: GPL-3.0-or-later
"""DreamFusion (Poole et al. 2023): a field that looks from everywhere as a text-conditioned diffusion model expects of
a prompt; with Stable Diffusion or DeepFloyd IF as threestudio does it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ..diffusion.stable_diffusion import TextPrior
from ..diffusion.view_prompts import SIDES, view_prompt
from ..fields.initial import fit_mesh
from ..interface.tasks import DreamFusionParameters
from ..meshing.texture import decimate_and_texture
from ..optimisation.loop import optimise
from ..optimisation.recipes.image_prior import GENTLE_RATE
from ..optimisation.recipes.text_prior import choose_recipe, make_field
from ..optimisation.start import fit_into, starting_mesh
from ..optimisation.text_objective import TextObjective, fill_cube
from ..runtime.devices import choose_device
from ..runtime.progress import Progress
from ..weights.loaders.stable_diffusion import check_text_weights, load_text_to_image
from ..weights.loaders.subjects import find_subjects, load_with_subjects
from . import MeshResult, Request

STAGES: dict[str, float] = {"Loading weights": 2, "Optimising": 100, "Surface": 4}
STAGES_FROM_MESH: dict[str, float] = {"Loading weights": 2, "Start": 10, "Optimising": 100, "Surface": 4}


def run(request: Request[DreamFusionParameters], progress: Progress) -> MeshResult:
    """A text in inputs["prompt"], and perhaps a Mesh to start from in inputs["mesh"] -> a mesh whose front (-Y) is the
    prompt's, and four views of it."""
    parameters, prompt = request.parameters, request.inputs["prompt"]
    mesh, start = starting_mesh(parameters.start, request.inputs), None
    progress.plan(STAGES if mesh is None else STAGES_FROM_MESH)
    progress.update("Loading weights", 0, 1)
    check_text_weights(parameters.weights)
    device = choose_device(parameters.device)
    subjects = find_subjects(f"{prompt} {parameters.negative}")
    model = load_with_subjects(load_text_to_image, parameters.weights, device, subjects)
    recipe = choose_recipe(model, parameters)
    progress.remarks += model.unused_words(*(view_prompt(prompt, side) for side in SIDES), parameters.negative)
    prior = TextPrior(model, prompt, parameters.negative, parameters.perp_neg)
    field = make_field(recipe, request.seed, parameters.surface).to(device)
    if mesh is not None:
        if field.is_sdf:
            recipe = replace(recipe, rate=min(recipe.rate, GENTLE_RATE))
        start = fit_mesh(field, fit_into(mesh), seed=request.seed, watch=partial(progress.update, "Start"))
    objective = TextObjective(prior, field, recipe, start)
    seconds = 60 * parameters.minutes or None
    outcome = optimise(objective, progress, recipe.steps, seconds, request.seed, identity=request.identity)
    progress.update("Surface", 0, 1)
    surface = objective.mesh(parameters.mesh_resolution)
    surface = fill_cube(surface) if start is None else surface  # what began as a mesh stays where that was
    return MeshResult(decimate_and_texture(surface, parameters), objective.views(), outcome.facts | {"prompt": prompt})

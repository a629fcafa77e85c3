# SPDX-License-Identifier: GPL-3.0-or-later
"""MVDream (Shi et al. 2024, section 3.3): a field that four cameras at once see as a multi-view diffusion model expects
of a prompt. The model knows all four as views of one object, so no side grows a face that another has."""

from __future__ import annotations

from ..diffusion.mvdream import SUFFIX, MultiViewPrior
from ..interface.tasks import MVDreamParameters
from ..meshing.texture import decimate_and_texture
from ..optimisation.loop import optimise
from ..optimisation.multi_view_objective import MultiViewObjective
from ..optimisation.recipes.mvdream import choose_recipe
from ..optimisation.recipes.text_prior import make_field
from ..optimisation.text_objective import fill_cube
from ..runtime.devices import choose_device
from ..runtime.progress import Progress
from ..weights.loaders.mvdream import check_multi_view, load_multi_view
from ..weights.loaders.subjects import find_subjects, load_with_subjects
from . import MeshResult, Request

STAGES: dict[str, float] = {"Loading weights": 2, "Optimising": 100, "Surface": 4}


def run(request: Request[MVDreamParameters], progress: Progress) -> MeshResult:
    """A text in inputs["prompt"] -> a mesh whose front (-Y) is the prompt's, and four views of it."""
    parameters, prompt = request.parameters, request.inputs["prompt"]
    progress.plan(STAGES)
    progress.update("Loading weights", 0, 1)
    check_multi_view(parameters.weights)
    device = choose_device(parameters.device)
    subjects = find_subjects(f"{prompt} {parameters.negative}")
    model = load_with_subjects(load_multi_view, parameters.weights, device, subjects)
    recipe = choose_recipe(model, parameters)
    text = prompt if model.is_starter else prompt + SUFFIX
    progress.remarks += model.unused_words(text, parameters.negative)
    prior = MultiViewPrior(model, text, parameters.negative or recipe.negative)
    objective = MultiViewObjective(prior, make_field(recipe, request.seed).to(device), recipe)
    seconds = 60 * parameters.minutes or None
    outcome = optimise(objective, progress, recipe.steps, seconds, request.seed, identity=request.identity)
    progress.update("Surface", 0, 1)
    mesh = decimate_and_texture(fill_cube(objective.mesh(parameters.mesh_resolution)), parameters)
    return MeshResult(mesh, objective.views(), outcome.facts | {"prompt": prompt})

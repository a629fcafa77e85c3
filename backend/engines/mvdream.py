# SPDX-License-Identifier: GPL-3.0-or-later
"""MVDream (Shi et al. 2024, section 3.3): a field that four cameras at once see as a multi-view model expects of a
prompt. The model knows all four as views of one thing, so that no side grows a face that another has."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..diffusion import guidance
from ..diffusion.mvdream import SUFFIX, MultiView, MultiViewPrior
from ..diffusion.prior import Denoised
from ..meshing.texture import decimate_and_texture
from ..optimisation.annealing import draw_timesteps
from ..optimisation.loop import optimise
from ..optimisation.objective import guided
from ..optimisation.recipes import mvdream
from ..optimisation.recipes.mvdream import MultiViewRecipe
from ..runtime.devices import choose_device, choose_dtype
from ..runtime.progress import Progress
from ..weights.loaders.mvdream import check_multi_view, load_multi_view
from ..weights.loaders.subjects import find_subjects, give_subjects
from . import Request, Result
from .dreamfusion import SMALL, STAGES, Dream, fill_cube, make_field, read_prompt


def run(request: Request, progress: Progress) -> Result:
    """A text in inputs["prompt"] -> a mesh whose front (-Y) is what the model takes for it, and four views of it."""
    begin, parameters = time.monotonic(), request.parameters
    prompt = read_prompt(request.inputs.get("prompt"))
    progress.plan(STAGES)
    progress.update("Loading weights", 0, 1)
    check_multi_view(parameters["weights"])
    device = choose_device(parameters["device"])
    dtype = choose_dtype(device)
    subjects = find_subjects(f"{prompt} {parameters['negative']}")
    model = load_multi_view(parameters["weights"], device, dtype)
    give_subjects(model, subjects)
    chosen = choose_recipe(model, parameters)
    told = prompt if model.image_size < SMALL else prompt + SUFFIX
    prior = MultiViewPrior(model, told, parameters["negative"] or chosen.negative)
    field = make_field(chosen, request.seed).to(device)
    task = MultiViewDream(prior, field, chosen, f"{told} {parameters['negative']}")
    outcome = optimise(task, progress, chosen.steps, 60 * parameters["minutes"] or None, request.seed)
    progress.update("Surface", 0, 1)
    mesh = decimate_and_texture(fill_cube(task.mesh(parameters["mesh_resolution"])), parameters)
    facts = {"prompt": prompt, "vertices": len(mesh.vertices), "faces": len(mesh.faces)}
    return Result(mesh, task.views(), outcome.facts | facts | {"seconds": round(time.monotonic() - begin, 1)})


def choose_recipe(model: MultiView, parameters: dict[str, Any]) -> MultiViewRecipe:
    """The published settings for these weights, and what the user wants otherwise."""
    chosen = mvdream.STARTER if model.image_size < SMALL else mvdream.PUBLISHED
    if not parameters["shading"]:
        chosen = replace(chosen, albedo_steps=float("inf"), weights=dict(chosen.weights) | {"orientation": 0})
    scale = parameters["guidance_scale"] or chosen.guidance_scale
    return replace(chosen.shortened(parameters["steps"]), guidance_scale=scale, rescale=parameters["rescale"])


class MultiViewDream(Dream):
    """DreamFusion's task with MVDream's changes: sets of views share their time step, their contrast, their light and,
    half of the time, one random colour behind the object."""

    recipe: MultiViewRecipe

    def groups(self) -> list[dict[str, Any]]:
        (field, *others), rate = super().groups(), self.recipe.network_rate
        grid = {id(p) for name, p in self.field.named_parameters() if name.startswith("grid.")}
        if not rate:
            return [field, *others]
        fast, slow = ([p for p in field["params"] if (id(p) in grid) == wanted] for wanted in (True, False))
        return [field | {"params": fast}, field | {"params": slow, "lr": rate}, *others]

    def timesteps(self, count: int, position: float, generator: torch.Generator) -> Tensor:
        recipe = self.recipe
        t = draw_timesteps(1, position, recipe.least_t, recipe.most_t, len(self.prior.alphas_cumprod), generator)
        return t.expand(count)

    def guided(self, told: Denoised) -> Tensor:
        x0 = guided(told, self.recipe.guidance_scale)
        return guidance.rescale(x0, told.conditional, self.recipe.rescale, self.recipe.views)

    def backdrop(self, directions: Tensor, generator: torch.Generator) -> Tensor:
        """The learnt surroundings, or one random colour, so that nothing of the object can be painted on them."""
        share, *color = torch.rand(4, generator=generator, device=generator.device).tolist()
        if share < self.recipe.random_background:
            return torch.tensor(color).to(directions).expand(len(directions), 3)
        return super().backdrop(directions, generator)

# SPDX-License-Identifier: GPL-3.0-or-later
"""DreamFusion (Poole et al. 2023): a field that looks from everywhere as a text-conditioned diffusion model expects of
a prompt; with Stable Diffusion or DeepFloyd IF as threestudio does it."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..diffusion.prior import Prior
from ..diffusion.stable_diffusion import TextPrior, TextToImage
from ..fields import hash_field, sdf_field
from ..fields.background import Background
from ..fields.field import Field
from ..fields.initial import Start, fit_mesh
from ..interface.parameters import ParameterError
from ..meshing.texture import decimate_and_texture
from ..optimisation.loop import optimise
from ..optimisation.objective import Pictures, Reconstruction
from ..optimisation.recipes import text_prior
from ..optimisation.recipes.base import GENTLE_RATE
from ..optimisation.recipes.text_prior import PromptRecipe
from ..rendering.cameras import Camera, rays
from ..rendering.mesh import Mesh
from ..rendering.shading import sample_light
from ..runtime.devices import choose_device, choose_dtype
from ..runtime.progress import Progress
from ..weights.loaders.stable_diffusion import check_text_weights, load_text_to_image
from ..weights.loaders.subjects import find_subjects, give_subjects
from . import Request, Result
from .zero123_sds import check_start, fit_into

STAGES: dict[str, float] = {"Loading weights": 2, "Optimising": 100, "Surface": 4}
STARTING = {"Loading weights": 2.0, "Start": 10.0}  # with a mesh
BALL = 7 / 12  # radius of the sphere that a signed distance begins as, in the cube [-1, 1]^3
SMALL = 128  # pixels: a latent model of smaller pictures gets a small field


def run(request: Request, progress: Progress) -> Result:
    """A text in inputs["prompt"], and perhaps a Mesh in inputs["mesh"] -> a mesh whose front (-Y) is the prompt's, and
    four views of it."""
    begin, parameters = time.monotonic(), request.parameters
    prompt = read_prompt(request.inputs.get("prompt"))
    check_start(request)
    progress.plan(STARTING | STAGES if parameters["start"] == "mesh" else STAGES)
    progress.update("Loading weights", 0, 1)
    check_text_weights(parameters["weights"])
    device = choose_device(parameters["device"])
    dtype = choose_dtype(device)
    subjects = find_subjects(f"{prompt} {parameters['negative']}")
    model = load_text_to_image(parameters["weights"], device, dtype)
    give_subjects(model, subjects)
    chosen = choose_recipe(model, parameters)
    prior = TextPrior(model, prompt, parameters["negative"], parameters["perp_neg"])
    field, begins = make_field(chosen, request.seed, parameters["surface"]).to(device), parameters["start"] == "mesh"
    start = None
    if begins:
        if field.is_sdf:
            chosen = replace(chosen, rate=min(chosen.rate, GENTLE_RATE))
        mesh = fit_into(request.inputs["mesh"])
        start = fit_mesh(field, mesh, seed=request.seed, watch=partial(progress.update, "Start"))
    task = Dream(prior, field, chosen, f"{prompt} {parameters['negative']}", start)
    outcome = optimise(task, progress, chosen.steps, 60 * parameters["minutes"] or None, request.seed)
    progress.update("Surface", 0, 1)
    mesh = task.mesh(parameters["mesh_resolution"])
    mesh = decimate_and_texture(
        mesh if begins else fill_cube(mesh), parameters
    )  # what began with a mesh stays where that was
    facts = {"prompt": prompt, "vertices": len(mesh.vertices), "faces": len(mesh.faces)}
    return Result(mesh, task.views(), outcome.facts | facts | {"seconds": round(time.monotonic() - begin, 1)})


def read_prompt(prompt: Any) -> str:
    """ParameterError where there is none."""
    if not isinstance(prompt, str) or not prompt.strip():
        raise ParameterError("There is no prompt. Write what the mesh should be, such as: a red car.")
    return prompt.strip()


def choose_recipe(model: TextToImage, parameters: dict[str, Any]) -> PromptRecipe:
    """The published settings for these weights, and what the user wants otherwise."""
    if model.vae is None:
        chosen = text_prior.DEEP_FLOYD
    else:
        chosen = text_prior.STARTER if model.image_size < SMALL else text_prior.STABLE_DIFFUSION
    if parameters["surface"] == "distance":
        chosen = text_prior.of_distance(chosen)
    scale = parameters["guidance_scale"] or chosen.guidance_scale
    return replace(chosen.shortened(parameters["steps"]), guidance_scale=scale)


def make_field(chosen: PromptRecipe, seed: int, surface: str = "density") -> Field:
    """A density with Magic3D's blob to begin with, or the signed distance of a sphere."""
    bounds, is_small = (-chosen.half_size, chosen.half_size), chosen.half_size < 1
    if surface == "distance":
        make = sdf_field.small if is_small else sdf_field.published
        return make(seed=seed, bounds=bounds, radius=BALL * chosen.half_size)
    if is_small:
        return hash_field.small(seed=seed, bounds=bounds)
    return hash_field.published(seed=seed, bounds=bounds, bands=(0.2, 0.6))


class Dream(Reconstruction):
    """A reconstruction without a picture to go by: its random cameras see the object in changing light."""

    recipe: PromptRecipe

    def __init__(self, prior: Prior, field: Field, chosen: PromptRecipe, prompt: str = "", start: Start | None = None):
        super().__init__(prior, field, None, chosen, start=start)
        self.name = f"{self.name} {prompt}"
        color = None if chosen.background_rate else torch.ones(3)
        self.behind = Background(color=color).to(self.device)
        self.modules["background"] = self.behind

    def groups(self) -> list[dict[str, Any]]:
        behind = [{"params": list(self.behind.parameters()), "lr": self.recipe.background_rate}]
        return super().groups() + (behind if self.recipe.background_rate else [])

    def losses(self, position: float, generator: torch.Generator) -> dict[str, Tensor]:
        self.field.advance(position / self.recipe.steps)
        self.renderer.update(generator)
        terms = self.imagine(position, generator)
        return {name: self.recipe.weight(name, position) * term for name, term in terms.items()}

    def render(self, cameras: list[Camera], position: float, generator: torch.Generator) -> Pictures:
        """All cameras' pictures, in one light around the first, in front of the backdrop."""
        origins, directions = (torch.cat(parts).to(self.device) for parts in zip(*map(rays, cameras), strict=True))
        shading = self.recipe.draw_shading(position, generator)
        light = sample_light(cameras[0].position.to(self.device), generator, soft=self.recipe.soft_light)
        needed = shading != "albedo" or self.recipe.weight("orientation", position)
        seen = self.renderer.render(
            origins,
            directions,
            self.backdrop(directions, generator),
            shading,
            light,
            normals="analytic" if needed else "ray",
            generator=generator,
        )
        return Pictures(seen, len(cameras), cameras[0].height, cameras[0].width)

    def backdrop(self, directions: Tensor, generator: torch.Generator) -> Tensor:
        """Behind all views alike: the learnt surroundings."""
        return self.behind(directions)


def fill_cube(mesh: Mesh) -> Mesh:
    """The mesh, moved and scaled until its longest side fits the cube [-0.5, 0.5]^3 exactly."""
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    return Mesh((mesh.vertices - (low + high) / 2) / (high - low).max(), mesh.faces, mesh.vertex_colors)

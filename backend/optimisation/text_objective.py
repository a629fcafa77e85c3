# SPDX-License-Identifier: GPL-3.0-or-later
"""Optimisation of a field with a prompt (DreamFusion, Poole et al. 2023, section 3): random views in random light."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..diffusion.prior import Prior
from ..fields.background import Background
from ..fields.field import Field
from ..fields.initial import Start
from ..rendering.cameras import Camera
from ..rendering.mesh import Mesh
from ..rendering.shading import sample_light
from .objective import FieldObjective
from .recipes.text_prior import PromptRecipe
from .rendered_views import RenderedViews


class TextObjective(FieldObjective):
    """A field in front of a learned background, with losses of random views alone."""

    recipe: PromptRecipe

    def __init__(self, prior: Prior, field: Field, recipe: PromptRecipe, start: Start | None = None):
        super().__init__(prior, field, recipe, start=start)
        color = None if recipe.background_rate else torch.ones(3)
        self.surroundings = Background(color=color).to(self.device)
        self.modules["background"] = self.surroundings

    def groups(self) -> list[dict[str, Any]]:
        background = [{"params": list(self.surroundings.parameters()), "lr": self.recipe.background_rate}]
        return super().groups() + (background if self.recipe.background_rate else [])

    def render_random(self, cameras: list[Camera], position: float, generator: torch.Generator) -> RenderedViews:
        """All views share one shading, and one light around the first camera."""
        shading = self.recipe.draw_shading(position, generator)
        light = sample_light(cameras[0].position.to(self.device), generator, soft=self.recipe.soft_light)
        return self.render(cameras, position, generator, shading, light)

    def backdrop(self, directions: Tensor, generator: torch.Generator) -> Tensor:
        return self.surroundings(directions)


def fill_cube(mesh: Mesh) -> Mesh:
    """The mesh, moved and scaled until its longest side fits the cube [-0.5, 0.5]^3 exactly: a prompt names no size."""
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    return Mesh((mesh.vertices - (low + high) / 2) / (high - low).max(), mesh.faces, mesh.vertex_colors)

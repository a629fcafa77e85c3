# SPDX-License-Identifier: GPL-3.0-or-later
"""Optimisation of a field with a multi-view prior (MVDream, Shi et al. 2024, section 3.3): random views come in sets,
which share their timestep, contrast, light and background."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..diffusion import guidance
from ..diffusion.prior import Denoised, Prior
from ..fields.field import Field
from .distillation import Distillation
from .recipes.mvdream import MultiViewRecipe
from .text_objective import TextObjective


class MultiViewDistillation(Distillation):
    """One timestep for all views, and guidance whose added contrast is taken back over each set."""

    recipe: MultiViewRecipe

    def timesteps(self, count: int, position: float, generator: torch.Generator) -> Tensor:
        return super().timesteps(1, position, generator).expand(count)

    def guide(self, denoised: Denoised) -> Tensor:
        return guidance.rescale(super().guide(denoised), denoised.conditional, self.recipe.rescale, self.recipe.views)


class MultiViewObjective(TextObjective):
    """A field with losses of sets of views."""

    recipe: MultiViewRecipe

    def __init__(self, prior: Prior, field: Field, recipe: MultiViewRecipe):
        super().__init__(prior, field, recipe)
        self.distillation = MultiViewDistillation(prior, recipe)

    def groups(self) -> list[dict[str, Any]]:
        """The networks may learn at another rate than the hash grid."""
        (field, *others), rate = super().groups(), self.recipe.network_rate
        if not rate:
            return [field, *others]
        grid = {id(p) for name, p in self.field.named_parameters() if name.startswith("grid.")}
        fast, slow = ([p for p in field["params"] if (id(p) in grid) == wanted] for wanted in (True, False))
        return [field | {"params": fast}, field | {"params": slow, "lr": rate}, *others]

    def backdrop(self, directions: Tensor, generator: torch.Generator) -> Tensor:
        """The learned background, or one random colour, so that nothing of the object can be painted on it."""
        share, *color = torch.rand(4, generator=generator, device=generator.device).tolist()
        if share < self.recipe.random_background:
            return torch.tensor(color).to(directions).expand(len(directions), 3)
        return super().backdrop(directions, generator)

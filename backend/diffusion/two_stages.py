# SPDX-License-Identifier: GPL-3.0-or-later
"""One-2-3-45's two stages of views: around the object from the input, then close to each of those."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..interface.view_set import NEIGHBOURS, RADIUS
from .sampling import Sampling
from .zero123 import Condition, Zero123

WHITE = 253 / 255  # first-stage pixels at least as bright are background


class TwoStages:
    """Samples views with one noise generator. With published weights, views are truncated to 8 bits, as in files.

    step_done: (stage, step, steps), after every step.
    """

    def __init__(self, model: Zero123, sampling: Sampling, seed: int, step_done: Callable[[str, int, int], None]):
        self.model, self.sampling, self.step_done = model, sampling, step_done
        self.generator = torch.Generator().manual_seed(seed)

    def around(
        self, condition: Condition, angles: list[tuple[float, float]], elevation: float, distance: float
    ) -> Tensor:
        """Views (N, 3, S, S) in 0..1 from these (azimuth, elevation).

        elevation: the input camera's in degrees; distance: its apparent distance.
        """
        offsets = [(a, e - elevation) for a, e in angles]
        return self._sample(
            "Views around", condition, offsets, [elevation] * len(angles), RADIUS - distance, self.sampling
        )

    def closer(self, views: Tensor, angles: list[tuple[float, float]]) -> Tensor:
        """First-stage views (N, 3, S, S) and their angles -> four neighbours of each, (4 N, 3, S, S)."""
        sources = self.model.encode(torch.where(views >= WHITE, 1.0, views) * 2 - 1)
        sources = Condition(sources.embedding.repeat_interleave(4, 0), sources.latent.repeat_interleave(4, 0))
        elevations = [e for _, e in angles for _ in NEIGHBOURS]
        return self._sample(
            "Close views", sources, NEIGHBOURS * len(angles), elevations, 0.0, self.sampling.second_stage()
        )

    def _sample(
        self,
        stage: str,
        condition: Condition,
        offsets: Sequence[tuple[float, float]],
        elevations: list[float],
        nearer: float,
        sampling: Sampling,
    ) -> Tensor:
        azimuth, elevation = torch.tensor(offsets, dtype=torch.float32, device=condition.latent.device).T
        pose = self.model.pose(azimuth, elevation, torch.tensor(elevations), nearer)
        views = self.model.sample(condition, pose, sampling, self.generator, lambda i, n: self.step_done(stage, i, n))
        return views if self.model.is_starter else (views * 255).floor() / 255

# SPDX-License-Identifier: GPL-3.0-or-later
"""Initialisation of a field from a mesh: it is fitted to the mesh's signed distance and colours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..rendering.mesh import Mesh
from .field import Field
from .mesh_distance import MeshDistance

StepCallback = Callable[[int, int], None]  # receives the step and the number of steps; may raise to stop

BATCH = 4096  # points per step
POOL = 40_000  # training points, whose distance to the mesh is computed once
SHELL = 0.015  # half width of the shell over which a density falls from twice its level to 0
COLOR_DISTANCE = 0.06  # from the mesh, up to which colours are fitted


@dataclass
class Start:
    """The mesh that a field was initialised with, as samples of its signed distance."""

    points: Tensor  # (POOL, 3) in the cube
    distance: Tensor  # (POOL,)

    def loss(self, field: Field, generator: torch.Generator) -> Tensor:
        """Mean deviation of the field from the mesh at BATCH / 2 random points, in the units of `value_loss`."""
        batch = torch.randint(len(self.points), (BATCH // 2,), generator=generator, device=generator.device)
        batch = batch.to(self.points.device)
        return value_loss(field, field.value(self.points[batch]), self.distance[batch])


def fit_mesh(
    field: Field,
    mesh: Mesh,
    steps: int = 300,
    rate: float = 0.01,
    seed: int = 0,
    watch: StepCallback = lambda step, steps: None,
) -> Start:
    """Fit `field` to a mesh, in place. Latent channels are not fitted.

    A signed distance field learns the distance itself; a density learns level (1 - distance / SHELL), clamped to 0 and
    twice the level, so that its surface lies on the mesh. Raises ValueError for a mesh without faces.

    Args:
        field: the field.
        mesh: in the field's cube.
        steps: of Adam.
        rate: initial learning rate, which decays to a tenth.
        seed: of the training points and batches.
        watch: called before each step.
    """
    device = next(field.parameters()).device
    points, distance, color = training_samples(mesh, field.bounds, seed)
    points, distance, color = (torch.from_numpy(x).to(device) for x in (points, distance, color))
    generator = torch.Generator().manual_seed(seed)
    groups = [group | {"weight_decay": 0.0} for group in field.groups(rate)]  # every point is supervised
    optimiser = torch.optim.Adam(groups, betas=(0.9, 0.99), eps=1e-15)
    decay = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda i: 0.1 ** (i / steps))
    for step in range(steps):
        watch(step, steps)
        batch = torch.randint(len(points), (BATCH,), generator=generator).to(device)
        value, predicted = field.value_and_color(points[batch])
        loss = value_loss(field, value, distance[batch])
        if field.channels == 3:
            near = (distance[batch].abs() < COLOR_DISTANCE)[:, None]
            loss = loss + ((predicted - color[batch]).abs() * near).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        decay.step()
    field.zero_grad()
    return Start(points, distance)


def value_loss(field: Field, value: Tensor, distance: Tensor) -> Tensor:
    """Mean error of values (P,) against the mesh's signed distances (P,), (): in units of 0.1 for an SDF, else Huber in
    units of the field's level."""
    if field.is_sdf:
        return (value - distance).abs().mean() / 0.1
    return F.smooth_l1_loss(value / field.level, (1 - distance / SHELL).clamp(0, 2), beta=0.1)


def training_samples(mesh: Mesh, bounds: tuple[float, float], seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (POOL, 3) in the cube, three quarters of them near the surface; signed distance (POOL,), RGB (POOL, 3)."""
    rng = np.random.default_rng(seed)
    truth = MeshDistance(mesh)
    near = truth.samples[rng.integers(len(truth.samples), size=POOL * 3 // 4)]
    near = near + rng.normal(size=near.shape) * rng.choice([0.01, 0.05], size=(len(near), 1))
    points = np.concatenate([near, rng.uniform(*bounds, size=(POOL - len(near), 3))]).clip(*bounds)
    return points.astype(np.float32), *truth(points)

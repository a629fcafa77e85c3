# SPDX-License-Identifier: GPL-3.0-or-later
"""Beginning an optimisation from a mesh: the field learns the mesh's signed distance and colours."""

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

Watch = Callable[[int, int], None]  # called with a step and the number of steps; may raise to stop

BATCH = 4096  # points a step
POOL = 40_000  # points whose distance to the mesh is worked out, once
SOFT = 0.015  # half width of the shell over which a density falls from twice its level to nothing
COLORED = 0.06  # distance from the mesh up to which colours are learned


@dataclass
class Start:
    """What a field began as: the mesh's signed distance (POOL,) at points (POOL, 3) in the cube."""

    points: Tensor
    distance: Tensor

    def loss(self, field: Field, generator: torch.Generator) -> Tensor:
        """How far the field has moved from there, in units of its own scale, at BATCH / 2 random points."""
        batch = torch.randint(len(self.points), (BATCH // 2,), generator=generator, device=generator.device)
        batch = batch.to(self.points.device)
        return value_loss(field, field.value(self.points[batch]), self.distance[batch])


def fit_mesh(
    field: Field,
    mesh: Mesh,
    steps: int = 300,
    rate: float = 0.01,
    seed: int = 0,
    watch: Watch = lambda step, steps: None,
) -> Start:
    """Train `field` until its surface is the mesh's, in place. Latent channels are left alone.

    A signed distance learns the distance itself; a density learns level (1 - distance / SOFT), from 0 outside to
    twice its level inside, so that its surface lies on the mesh. Raises ValueError for a mesh without faces.
    """
    device = next(field.parameters()).device
    points, distance, color = learn_from(mesh, field.bounds, seed)
    points, distance, color = (torch.from_numpy(x).to(device) for x in (points, distance, color))
    generator = torch.Generator().manual_seed(seed)
    groups = [group | {"weight_decay": 0.0} for group in field.groups(rate)]  # nothing is hidden here
    optimiser = torch.optim.Adam(groups, betas=(0.9, 0.99), eps=1e-15)
    decay = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda i: 0.1 ** (i / steps))
    for step in range(steps):
        watch(step, steps)
        batch = torch.randint(len(points), (BATCH,), generator=generator).to(device)
        value, seen = field.look(points[batch])
        loss = value_loss(field, value, distance[batch])
        if field.channels == 3:
            near = (distance[batch].abs() < COLORED)[:, None]
            loss = loss + ((seen - color[batch]).abs() * near).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        decay.step()
    field.zero_grad()
    return Start(points, distance)


def value_loss(field: Field, value: Tensor, distance: Tensor) -> Tensor:
    """How wrong values (P,) are, in units of the field's own scale, where the mesh is at signed `distance` (P,)."""
    if field.is_sdf:
        return (value - distance).abs().mean() / 0.1
    return F.smooth_l1_loss(value / field.level, (1 - distance / SOFT).clamp(0, 2), beta=0.1)


def learn_from(mesh: Mesh, bounds: tuple[float, float], seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (POOL, 3) in the cube, most of them near the surface; signed distance (POOL,) and colour (POOL, 3)."""
    rng, truth = np.random.default_rng(seed), MeshDistance(mesh)
    near = truth.samples[rng.integers(len(truth.samples), size=POOL * 3 // 4)]
    near = near + rng.normal(size=near.shape) * rng.choice([0.01, 0.05], size=(len(near), 1))
    points = np.concatenate([near, rng.uniform(*bounds, size=(POOL - len(near), 3))]).clip(*bounds)
    return points.astype(np.float32), *truth(points)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Volume rendering of an LRM's scene on white, as TripoSR and OpenLRM do it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from backend.reconstruction.lrm.model import LRM, POINTS_AT_ONCE, Scene
from backend.rendering.rays import importance_sampling, intersect_box
from backend.rendering.volume import alpha_weights, points_along

MARGIN = 1e-3  # of TripoSR's box that its rays skip
SHORTEST = 0.01  # minimum length of TripoSR's rays in the box
MIN_WEIGHT = 0.01  # added to every section's weight before OpenLRM's importance sampling


def render(model: LRM, scene: Scene, origins: Tensor, directions: Tensor, samples: int = 128) -> tuple[Tensor, Tensor]:
    """Rays: origins and unit directions (N, 3) in the model's frame -> colours (N, 3) on white and opacities (N,).

    Without randomness: the published renders of OpenLRM move every sample by chance.
    """
    render_rays = render_evenly if model.architecture.density == "exp" else render_twice
    parts = [
        render_rays(model, scene, o, d, samples)
        for o, d in zip(*(t.split(max(1, POINTS_AT_ONCE // samples)) for t in (origins, directions)), strict=True)
    ]
    color, opacity = (torch.cat(part) for part in zip(*parts, strict=True))
    return color + 1 - opacity[:, None], opacity


def render_evenly(model: LRM, scene: Scene, origins: Tensor, directions: Tensor, samples: int) -> tuple[Tensor, Tensor]:
    """TripoSR: even sections, whose length opacity does not depend on."""
    half = model.architecture.radius * (1 - MARGIN)
    near, far, hit = intersect_box(origins, directions, (-half, half))
    share = (torch.arange(samples, device=near.device) + 0.5) / samples
    middles = near[:, None] + (far - near)[:, None] * share
    raw, color = query(model, scene, origins, directions, middles)
    alpha = 1 - torch.exp(-model.density(raw) / samples)
    weights = alpha_weights(alpha * (hit & (far - near > SHORTEST))[:, None])
    return (weights[..., None] * color).sum(1), weights.sum(1)


def render_twice(model: LRM, scene: Scene, origins: Tensor, directions: Tensor, samples: int) -> tuple[Tensor, Tensor]:
    """OpenLRM: half of the samples evenly, half by the weights of the first; sections lie between neighbours."""
    radius = model.architecture.radius
    near, far, hit = intersect_box(origins, directions, (-radius, radius))
    count = samples // 2
    share = (torch.arange(count, device=near.device) + 0.5) / (count - 1)
    first = near[:, None] + (far - near)[:, None] * share
    raw, color = query(model, scene, origins, directions, first)
    weights, _ = march(model, first, raw, color)
    second = importance_sampling(first, smooth(weights) + MIN_WEIGHT, samples - count)
    more, seen = query(model, scene, origins, directions, second)
    z, order = torch.cat([first, second], 1).sort(1)
    raw = torch.cat([raw, more], 1).gather(1, order)
    color = torch.cat([color, seen], 1).gather(1, order[..., None].expand(-1, -1, 3))
    weights, color = march(model, z, raw, color)
    weights = weights * hit[:, None]
    return (weights[..., None] * color).sum(1), weights.sum(1)


def march(model: LRM, z: Tensor, raw: Tensor, color: Tensor) -> tuple[Tensor, Tensor]:
    """Distances z (N, S), raw densities there and colours -> weights (N, S - 1) and colours (N, S - 1, 3) between."""
    density = model.density((raw[:, 1:] + raw[:, :-1]) / 2)
    weights = alpha_weights(1 - torch.exp(-density * (z[:, 1:] - z[:, :-1])))
    return weights, (color[:, 1:] + color[:, :-1]) / 2


def smooth(weights: Tensor) -> Tensor:
    """The mean of the larger weights on either side of each section's ends."""
    largest = F.max_pool1d(weights[:, None], 2, 1, padding=1)
    return F.avg_pool1d(largest, 2, 1)[:, 0]


def query(model: LRM, scene: Scene, origins: Tensor, directions: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """Raw densities (N, S), as good as none outside the box, and colours (N, S, 3) at distances z (N, S)."""
    points = points_along(origins, directions, z)
    raw, color = model.query(scene, points.flatten(0, 1)[None])
    inside = (points.abs() <= model.architecture.radius).all(-1)
    raw = torch.where(inside, raw.view(z.shape), torch.finfo(raw.dtype).min / 8)
    return raw, color.view(points.shape) * inside[..., None]

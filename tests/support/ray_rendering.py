# SPDX-License-Identifier: GPL-3.0-or-later
"""Rays through a SparseNeuS scene: NeuS's importance sampling and volume rendering, as published."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from backend.reconstruction.sparse_neus.model import Scene, SparseNeuS, to_grid
from backend.rendering.rays import importance_sampling
from backend.rendering.volume import alpha_weights, neus_alpha, neus_section_alpha, points_along

EMPTY = 100.0  # the signed distance of points that fewer than two views see
SEEING, SAMPLES = 2, 8  # a ray is valid if more than 8 of its samples are each seen by 2 views


@dataclass
class RayColors:
    """Rendered values of N rays with S samples."""

    color: Tensor  # (N, 3), on white
    opacity: Tensor  # (N,)
    depth: Tensor  # (N,), distances weighted by opacity
    valid: Tensor  # (N,), whether enough views see enough samples
    weights: Tensor  # (N, S)
    sdf: Tensor  # (N, S)
    gradient: Tensor  # (N, S, 3)
    inside: Tensor  # (N, S)


def render(
    model: SparseNeuS,
    scene: Scene,
    origins: Tensor,
    directions: Tensor,
    near: Tensor,
    far: Tensor,
    viewer: Tensor,
    anneal: float = 1.0,
    count: int = 64,
    rounds: int = 4,
    added: int = 16,
) -> RayColors:
    """Rays: origins and unit directions (N, 3) in the volume; near, far (N,) or (1,); viewer (3,) or (N, 1, 3): where
    the colours are seen from, the rays' origin. count even samples, and `added` more in each of the rounds.

    anneal: the published alpha_inter_ratio, 1 when training is over.
    """
    z = sample(model, scene, origins, directions, near, far, count, rounds, added)
    lengths = torch.cat([z[:, 1:] - z[:, :-1], ((far - near).mean() / count).expand(len(z), 1)], 1)
    middles = z + lengths / 2
    points = points_along(origins, directions, middles)
    inside, flat = is_known(scene, points), points.flatten(0, 1)
    sdf = torch.where(inside, model.sdf(scene, flat).view(z.shape), EMPTY)
    gradient = model.gradient(scene, flat).view(points.shape) * inside[..., None]
    inv_s = (10 * model.variance_network_lod0.variance).exp().clamp(1e-6, 1e6)
    weights = alpha_weights(neus_alpha(sdf, gradient, directions, lengths, inv_s, anneal) * inside)
    features, mask = model.sample_images(scene, flat)
    target = F.normalize(viewer - points, dim=-1).flatten(0, 1)
    color = model.blend(scene, flat, target, features, mask).view(points.shape)
    opacity = weights.sum(1)
    color = (weights[..., None] * color).sum(1) + 1 - opacity[:, None]
    valid = (mask.sum(0) >= SEEING).view(z.shape).sum(1) > SAMPLES
    return RayColors(color, opacity, (weights * middles).sum(1), valid, weights, sdf, gradient, inside)


def near_far(centres: Tensor) -> tuple[Tensor, Tensor]:
    """Near and far planes (V,) of rays from camera centres (V, 3) in the volume, as published.

    near is negative for a camera inside the volume, as One-2-3-45's are.
    """
    distance = centres.norm(dim=-1)
    return 0.95 * (distance - 1), 1.05 * (distance + 1)


@torch.no_grad()
def sample(
    model: SparseNeuS,
    scene: Scene,
    origins: Tensor,
    directions: Tensor,
    near: Tensor,
    far: Tensor,
    count: int,
    rounds: int,
    added: int,
) -> Tensor:
    """Ascending distances (N, count + rounds * added): even ones, then more near the estimated surface."""

    def distance(z: Tensor) -> Tensor:
        return model.sdf(scene, points_along(origins, directions, z).flatten(0, 1)).view(z.shape)

    share = torch.linspace(0, 1, count, device=origins.device)
    z = (near[:, None] + (far - near)[:, None] * share).expand(len(origins), -1)
    sdf = distance(z)
    for i in range(rounds):
        inside = is_known(scene, points_along(origins, directions, z))
        alpha = neus_section_alpha(z, sdf, 64.0 * 2**i) * (inside[:, 1:] & inside[:, :-1])
        new = importance_sampling(z, alpha_weights(alpha), added)
        there = is_known(scene, points_along(origins, directions, new))
        z, order = torch.cat([z, new], 1).sort(1)
        sdf = torch.cat([sdf, torch.where(there, distance(new), EMPTY)], 1).gather(1, order)
    return z


def is_known(scene: Scene, points: Tensor) -> Tensor:
    """Whether the nearest voxel to points (..., 3) is seen: bool (...). As published, with voxels of another size here
    (align_corners is False) than everywhere else."""
    grid = to_grid(points.reshape(-1, 3))
    return (F.grid_sample(scene.mask, grid, mode="nearest", align_corners=False) > 0).view(points.shape[:-1])

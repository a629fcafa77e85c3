# SPDX-License-Identifier: GPL-3.0-or-later
"""Where to look along rays: intersection with the object's box, stratified sections, importance sampling.

A ray has unit direction, so t is distance. Its sections lie between `edges` (N, S + 1), ascending: section i is
[edges[:, i], edges[:, i + 1]].
"""

from __future__ import annotations

import torch
from torch import Tensor


def intersect_box(
    origins: Tensor, directions: Tensor, bounds: tuple[float, float] = (-0.5, 0.5)
) -> tuple[Tensor, Tensor, Tensor]:
    """Where rays (N, 3) are in the cube `bounds`, in front of their origin: near, far and hit, each (N,).

    near is 0 for an origin inside. Rays that miss have near = far = 0 and hit False.
    """
    tiny = torch.full_like(directions, 1e-12)
    safe = torch.where(directions.abs() < 1e-12, torch.copysign(tiny, directions), directions)
    a, b = (bounds[0] - origins) / safe, (bounds[1] - origins) / safe
    near = torch.minimum(a, b).amax(-1).clamp(min=0)
    far = torch.maximum(a, b).amin(-1)
    hit = far > near
    return near * hit, far * hit, hit


def stratify(near: Tensor, far: Tensor, count: int, generator: torch.Generator | None = None) -> Tensor:
    """Edges (N, count + 1) of equal sections from near to far, each (N,).

    With a generator the inner edges move at random by up to half a section either way: training sees every depth.
    """
    share = torch.linspace(0, 1, count + 1, device=near.device, dtype=near.dtype).expand(len(near), -1)
    if generator is not None:
        noise = torch.rand(len(near), count - 1, generator=generator, device=near.device, dtype=near.dtype) - 0.5
        share = torch.cat([share[:, :1], share[:, 1:-1] + noise / count, share[:, -1:]], dim=1)
    return near[:, None] + (far - near)[:, None] * share


def importance(edges: Tensor, weights: Tensor, count: int, generator: torch.Generator | None = None) -> Tensor:
    """Draw `count` ascending distances (N, count), distributed as `weights` (N, S) are over the sections of `edges`.

    Inverse of the cumulated weights at (i + 0.5) / count, or at a random place of each of the `count` strata. A little
    weight is added everywhere, as NeRF and NeuS do, so that a ray without any weight is sampled evenly. No gradient.
    """
    with torch.no_grad():
        weights = weights + 1e-5
        cdf = torch.cumsum(weights / weights.sum(-1, keepdim=True), dim=-1)
        cdf = torch.cat([torch.zeros_like(cdf[:, :1]), cdf], dim=-1)
        place = torch.full((len(edges), count), 0.5, device=edges.device, dtype=edges.dtype)
        if generator is not None:
            place = torch.rand(place.shape, generator=generator, device=edges.device, dtype=edges.dtype)
        u = (torch.arange(count, device=edges.device, dtype=edges.dtype) + place) / count
        right = torch.searchsorted(cdf, u.contiguous(), right=True).clamp(1, weights.shape[-1])
        low, high = cdf.gather(-1, right - 1), cdf.gather(-1, right)
        share = ((u - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)
        start, end = edges.gather(-1, right - 1), edges.gather(-1, right)
        return start + share * (end - start)


def merge(edges: Tensor, distances: Tensor) -> Tensor:
    """All edges and the new distances (N, K) in one ascending list (N, S + 1 + K)."""
    return torch.sort(torch.cat([edges, distances], dim=-1), dim=-1).values

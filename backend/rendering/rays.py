# SPDX-License-Identifier: GPL-3.0-or-later
"""Sampling along rays: intersection with the object's box, stratified and importance sampling.

Directions have unit length, so t is a distance. Samples are sections between ascending `edges` (N, S + 1): section i
is [edges[:, i], edges[:, i + 1]].
"""

from __future__ import annotations

import torch
from torch import Tensor


def intersect_box(
    origins: Tensor, directions: Tensor, bounds: tuple[float, float] = (-0.5, 0.5)
) -> tuple[Tensor, Tensor, Tensor]:
    """Intersect rays (N, 3) with the cube `bounds`, in front of their origins -> near, far and hit, each (N,).

    near is 0 for an origin inside the cube. Rays that miss have near = far = 0 and hit False.
    """
    tiny = torch.full_like(directions, 1e-12)
    safe = torch.where(directions.abs() < 1e-12, torch.copysign(tiny, directions), directions)
    a, b = (bounds[0] - origins) / safe, (bounds[1] - origins) / safe
    near = torch.minimum(a, b).amax(-1).clamp(min=0)
    far = torch.maximum(a, b).amin(-1)
    hit = far > near
    return near * hit, far * hit, hit


def stratify(near: Tensor, far: Tensor, count: int, generator: torch.Generator | None = None) -> Tensor:
    """Edges (N, count + 1) of equal sections from near (N,) to far (N,).

    With a generator each inner edge is jittered by up to half a section, so that training samples every depth.
    """
    share = torch.linspace(0, 1, count + 1, device=near.device, dtype=near.dtype).expand(len(near), -1)
    if generator is not None:
        noise = torch.rand(len(near), count - 1, generator=generator, device=near.device, dtype=near.dtype) - 0.5
        share = torch.cat([share[:, :1], share[:, 1:-1] + noise / count, share[:, -1:]], dim=1)
    return near[:, None] + (far - near)[:, None] * share


def importance_sampling(edges: Tensor, weights: Tensor, count: int, generator: torch.Generator | None = None) -> Tensor:
    """Draw `count` ascending distances (N, count) from the piecewise constant density `weights` (N, S) over `edges`.

    Inverts the cumulated weights at (i + 0.5) / count or, with a generator, at a random place in each of the `count`
    strata. As in NeRF and NeuS every section gets a little extra weight, so that a ray without weight is sampled
    evenly. Not differentiable.
    """
    with torch.no_grad():
        weights = weights + 1e-5
        cdf = torch.cumsum(weights / weights.sum(-1, keepdim=True), dim=-1)
        cdf = torch.cat([torch.zeros_like(cdf[:, :1]), cdf], dim=-1)
        offset = torch.full((len(edges), count), 0.5, device=edges.device, dtype=edges.dtype)
        if generator is not None:
            offset = torch.rand(offset.shape, generator=generator, device=edges.device, dtype=edges.dtype)
        u = (torch.arange(count, device=edges.device, dtype=edges.dtype) + offset) / count
        right = torch.searchsorted(cdf, u.contiguous(), right=True).clamp(1, weights.shape[-1])
        low, high = cdf.gather(-1, right - 1), cdf.gather(-1, right)
        share = ((u - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)
        start, end = edges.gather(-1, right - 1), edges.gather(-1, right)
        return start + share * (end - start)

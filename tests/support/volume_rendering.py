# SPDX-License-Identifier: GPL-3.0-or-later
"""Dense volume rendering of densities (NeRF) and signed distances (NeuS): the reference for the pruned renderer.

All tensors are (N rays, S sections) through nerfacc's batched functions; no section is skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from nerfacc import accumulate_along_rays, render_weight_from_density
from torch import Tensor

from backend.rendering.cameras import Camera, rays
from backend.rendering.rays import importance_sampling, intersect_box, stratify
from backend.rendering.volume import alpha_weights, neus_alpha, neus_section_alpha, points_along


@dataclass
class Rendering:
    """Rendered values of N rays."""

    color: Tensor  # (N, C)
    opacity: Tensor  # (N,), 0..1
    depth: Tensor  # (N,), expected distance along the ray, 0 where the ray is empty
    normal: Tensor | None  # (N, 3), weighted mean, shorter than 1 at soft edges
    weights: Tensor  # (N, S)


def density_weights(edges: Tensor, density: Tensor) -> Tensor:
    """NeRF's weights, transmittance x (1 - exp(-density x length)): edges (N, S + 1), density (N, S) -> (N, S)."""
    weights, _, _ = render_weight_from_density(edges[:, :-1].contiguous(), edges[:, 1:].contiguous(), density)
    return weights


def slow_weights(alpha: torch.Tensor) -> torch.Tensor:
    """Transmittance x alpha (N, S), one ray and one section at a time."""
    rows = []
    for ray in alpha:
        light, row = torch.ones((), dtype=alpha.dtype), []
        for a in ray:
            row.append(light * a)
            light = light * (1 - a)
        rows.append(torch.stack(row))
    return torch.stack(rows)


def composite(
    weights: Tensor,
    edges: Tensor,
    color: Tensor,
    normal: Tensor | None = None,
    background: Tensor | float | None = None,
) -> Rendering:
    """Composite color (N, S, C) and normal (N, S, 3) along the rays over the background.

    background: a number, (C,) or (N, C); None leaves the colour premultiplied by opacity.
    """
    opacity = accumulate_along_rays(weights)
    seen = accumulate_along_rays(weights, color)
    if background is not None:
        seen = seen + (1 - opacity) * background
    middle = (edges[:, 1:] + edges[:, :-1])[..., None] / 2
    depth = accumulate_along_rays(weights, middle) / opacity.clamp(min=1e-6)
    mean_normal = None if normal is None else accumulate_along_rays(weights, normal)
    return Rendering(seen, opacity[:, 0], depth[:, 0], mean_normal, weights)


def merge(edges: Tensor, distances: Tensor) -> Tensor:
    """Edges (N, S + 1) and new distances (N, K) in ascending order (N, S + 1 + K)."""
    return torch.sort(torch.cat([edges, distances], dim=-1), dim=-1).values


def render_density(
    field: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    origins: Tensor,
    directions: Tensor,
    count: int = 64,
    extra: int = 0,
    bounds: tuple[float, float] = (-0.5, 0.5),
    background: Tensor | float | None = 1.0,
    generator: torch.Generator | None = None,
) -> Rendering:
    """Render field(points (K, 3), directions (K, 3)) -> density (K,), color (K, C) inside the cube `bounds`.

    `count` equal sections, then `extra` more edges by importance sampling of a first pass without gradients.
    """
    near, far, _ = intersect_box(origins, directions, bounds)
    edges = stratify(near, far, count, generator)

    def evaluate(edges: Tensor) -> tuple[Tensor, Tensor]:
        points = points_along(origins, directions, (edges[:, 1:] + edges[:, :-1]) / 2)
        density, color = field(points.flatten(0, 1), directions[:, None].expand_as(points).flatten(0, 1))
        return density_weights(edges, density.view(points.shape[:2])), color.view(*points.shape[:2], -1)

    if extra:
        with torch.no_grad():
            weights, _ = evaluate(edges)
        edges = merge(edges, importance_sampling(edges, weights, extra, generator))
    weights, color = evaluate(edges)
    return composite(weights, edges, color, background=background)


def render_sdf(
    sdf_and_gradient: Callable[[Tensor], tuple[Tensor, Tensor]],
    color: Callable[[Tensor, Tensor, Tensor], Tensor],
    origins: Tensor,
    directions: Tensor,
    inv_s: Tensor | float,
    count: int = 64,
    extra: int = 64,
    rounds: int = 4,
    anneal: float = 1.0,
    bounds: tuple[float, float] = (-0.5, 0.5),
    background: Tensor | float | None = 1.0,
    generator: torch.Generator | None = None,
) -> Rendering:
    """Render a signed distance field as NeuS does, inside the cube `bounds`.

    sdf_and_gradient: points (K, 3) -> sdf (K,), gradient (K, 3). color: points, gradients, directions (K, 3) -> (K, C).
    `count` equal sections and `extra` edges added in `rounds` rounds of doubling sharpness (64, 128, ...).
    """
    near, far, hit = intersect_box(origins, directions, bounds)
    edges = stratify(near, far, count, generator)
    for i in range(rounds if extra else 0):
        with torch.no_grad():
            points = points_along(origins, directions, edges)
            sdf = sdf_and_gradient(points.flatten(0, 1))[0].view(edges.shape)
            weights = alpha_weights(neus_section_alpha(edges, sdf, 64.0 * 2**i))
        edges = merge(edges, importance_sampling(edges, weights, extra // rounds, generator))
    points = points_along(origins, directions, (edges[:, 1:] + edges[:, :-1]) / 2)
    sdf, gradient = sdf_and_gradient(points.flatten(0, 1))
    seen = color(points.flatten(0, 1), gradient, directions[:, None].expand_as(points).flatten(0, 1))
    sdf, gradient, seen = sdf.view(points.shape[:2]), gradient.view(points.shape), seen.view(*points.shape[:2], -1)
    alpha = neus_alpha(sdf, gradient, directions, edges[:, 1:] - edges[:, :-1], inv_s, anneal)
    return composite(alpha_weights(alpha * hit[:, None]), edges, seen, gradient, background)


def render_camera(
    render: Callable[[Tensor, Tensor], Rendering], camera: Camera, chunk: int = 4096
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """All pixels of a camera, no gradients: color (H, W, C), opacity and depth (H, W), normal (H, W, 3) or None."""
    origins, directions = rays(camera)
    with torch.no_grad():
        parts = [render(o, d) for o, d in zip(origins.split(chunk), directions.split(chunk), strict=True)]
    size = (camera.height, camera.width)
    images = {}
    for name in (f.name for f in fields(Rendering) if f.name != "weights"):
        values = [getattr(part, name) for part in parts]
        images[name] = None if values[0] is None else torch.cat(values).view(*size, *values[0].shape[1:])
    return images["color"], images["opacity"], images["depth"], images["normal"]

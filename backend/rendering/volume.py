# SPDX-License-Identifier: GPL-3.0-or-later
"""Volume rendering of densities (NeRF) and of signed distances (NeuS) through nerfacc.

nerfacc's batched functions, tensors (N rays, S sections), are plain PyTorch and run on every device.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from nerfacc import accumulate_along_rays, render_weight_from_alpha, render_weight_from_density
from torch import Tensor

from .cameras import Camera, rays
from .rays import importance, intersect_box, merge, stratify

EPSILON = 1e-5  # NeuS's, in numerator and denominator of alpha


@dataclass
class Rendering:
    """What N rays see. color (N, C); opacity (N,), 0..1; depth (N,), mean distance along the ray of what is seen, 0
    where nothing is; normal (N, 3) or None, the weighted mean, shorter than 1 at soft edges; weights (N, S).
    """

    color: Tensor
    opacity: Tensor
    depth: Tensor
    normal: Tensor | None
    weights: Tensor


def density_weights(edges: Tensor, density: Tensor) -> Tensor:
    """NeRF: transmittance x (1 - exp(-density x length)) for edges (N, S + 1), density (N, S) >= 0 -> (N, S)."""
    weights, _, _ = render_weight_from_density(edges[:, :-1].contiguous(), edges[:, 1:].contiguous(), density)
    return weights


def alpha_weights(alpha: Tensor) -> Tensor:
    """Transmittance x alpha, (N, S) -> (N, S)."""
    weights, _ = render_weight_from_alpha(alpha)
    return weights


def neus_alpha(
    sdf: Tensor, gradient: Tensor, directions: Tensor, lengths: Tensor, inv_s: Tensor | float, anneal: float = 1.0
) -> Tensor:
    """Opacity of sections from the signed distance at their middle (NeuS, equations 11 to 13).

    sdf, lengths (N, S); gradient of the sdf (N, S, 3), not normalised; directions (N, 3); inv_s: sharpness > 0.
    anneal 0..1: from a slope that is negative everywhere, which helps at the beginning of training, to the true one.
    """
    cosine = (gradient * directions[:, None]).sum(-1)
    slope = -(torch.relu(0.5 - 0.5 * cosine) * (1 - anneal) + torch.relu(-cosine) * anneal).clamp(max=10)
    half = slope * lengths / 2
    before, after = torch.sigmoid((sdf - half) * inv_s), torch.sigmoid((sdf + half) * inv_s)
    return ((before - after + EPSILON) / (before + EPSILON)).clamp(0, 1)


def neus_section_alpha(edges: Tensor, sdf: Tensor, inv_s: Tensor | float) -> Tensor:
    """Opacity (N, S) of sections from the signed distances (N, S + 1) at their edges alone, for importance sampling.

    The slope of a section is the smaller one of its own and the section's before it: robust where the sdf has kinks.
    """
    lengths = edges[:, 1:] - edges[:, :-1]
    slope = (sdf[:, 1:] - sdf[:, :-1]) / (lengths + EPSILON)
    slope = torch.minimum(slope, torch.nn.functional.pad(slope[:, :-1], (1, 0))).clamp(-10, 0)
    middle, half = (sdf[:, 1:] + sdf[:, :-1]) / 2, slope * lengths / 2
    before, after = torch.sigmoid((middle - half) * inv_s), torch.sigmoid((middle + half) * inv_s)
    return ((before - after + EPSILON) / (before + EPSILON)).clamp(0, 1)


def composite(
    weights: Tensor,
    edges: Tensor,
    color: Tensor,
    normal: Tensor | None = None,
    background: Tensor | float | None = None,
) -> Rendering:
    """Sum color (N, S, C) and normal (N, S, 3) along the rays; what is left of opacity shows the background.

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


def points_along(origins: Tensor, directions: Tensor, distances: Tensor) -> Tensor:
    """Points (N, K, 3) at distances (N, K) along rays (N, 3)."""
    return origins[:, None] + directions[:, None] * distances[..., None]


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

    `count` equal sections; `extra` more edges where a first look (without gradient) finds the weight.
    """
    near, far, _ = intersect_box(origins, directions, bounds)
    edges = stratify(near, far, count, generator)

    def look(edges: Tensor) -> tuple[Tensor, Tensor]:
        points = points_along(origins, directions, (edges[:, 1:] + edges[:, :-1]) / 2)
        density, color = field(points.flatten(0, 1), directions[:, None].expand_as(points).flatten(0, 1))
        return density_weights(edges, density.view(points.shape[:2])), color.view(*points.shape[:2], -1)

    if extra:
        with torch.no_grad():
            weights, _ = look(edges)
        edges = merge(edges, importance(edges, weights, extra, generator))
    weights, color = look(edges)
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
        edges = merge(edges, importance(edges, weights, extra // rounds, generator))
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

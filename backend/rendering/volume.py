# SPDX-License-Identifier: GPL-3.0-or-later
"""Opacity and compositing weights of volume rendering, on nerfacc's batched functions in plain PyTorch."""

from __future__ import annotations

import torch
from nerfacc import render_weight_from_alpha
from torch import Tensor

EPSILON = 1e-5  # NeuS's, in numerator and denominator of alpha


def alpha_weights(alpha: Tensor) -> Tensor:
    """Compositing weights, transmittance x alpha: (N, S) -> (N, S)."""
    weights, _ = render_weight_from_alpha(alpha)
    return weights


def neus_alpha(
    sdf: Tensor, gradient: Tensor, directions: Tensor, lengths: Tensor, inv_s: Tensor | float, anneal: float = 1.0
) -> Tensor:
    """Opacity (N, S) of sections from the signed distance at their midpoints (NeuS, equations 11 to 13).

    Args:
        sdf: signed distances (N, S).
        gradient: gradients of the sdf (N, S, 3), not normalised.
        directions: unit ray directions (N, 3).
        lengths: section lengths (N, S).
        inv_s: sharpness, > 0.
        anneal: 0..1, NeuS's cos_anneal_ratio; below 1 the slope is kept negative, which helps early training.
    """
    cosine = (gradient * directions[:, None]).sum(-1)
    slope = -(torch.relu(0.5 - 0.5 * cosine) * (1 - anneal) + torch.relu(-cosine) * anneal).clamp(max=10)
    half = slope * lengths / 2
    before, after = torch.sigmoid((sdf - half) * inv_s), torch.sigmoid((sdf + half) * inv_s)
    return ((before - after + EPSILON) / (before + EPSILON)).clamp(0, 1)


def neus_section_alpha(edges: Tensor, sdf: Tensor, inv_s: Tensor | float) -> Tensor:
    """Opacity (N, S) of sections from the signed distances (N, S + 1) at their edges, for importance sampling.

    A section's slope is the smaller of its own and the previous section's, which is robust at kinks of the sdf.
    """
    lengths = edges[:, 1:] - edges[:, :-1]
    slope = (sdf[:, 1:] - sdf[:, :-1]) / (lengths + EPSILON)
    slope = torch.minimum(slope, torch.nn.functional.pad(slope[:, :-1], (1, 0))).clamp(-10, 0)
    middle = (sdf[:, 1:] + sdf[:, :-1]) / 2
    half = slope * lengths / 2
    before, after = torch.sigmoid((middle - half) * inv_s), torch.sigmoid((middle + half) * inv_s)
    return ((before - after + EPSILON) / (before + EPSILON)).clamp(0, 1)


def points_along(origins: Tensor, directions: Tensor, distances: Tensor) -> Tensor:
    """Points (N, K, 3) at distances (N, K) along rays (N, 3)."""
    return origins[:, None] + directions[:, None] * distances[..., None]

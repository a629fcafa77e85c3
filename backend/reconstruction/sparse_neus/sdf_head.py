# SPDX-License-Identifier: GPL-3.0-or-later
"""SparseNeuS's SDF head: trilinear latents, positional encoding and a small weight-normalised MLP."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def sample_volume(volume: Tensor, points: Tensor) -> Tensor:
    """Trilinear samples of a volume (C, D, D, D) over [-1, 1]^3, corners at -1 and 1, at points (N, 3) -> (N, C).

    Zero unless 0 < index < D, like the published sampler. Twice differentiable, which the faster F.grid_sample is not.
    """
    side = volume.shape[-1]
    index = (points + 1) / 2 * (side - 1)
    inside = ((index > 0) & (index < side)).all(1, keepdim=True)
    if not torch.is_grad_enabled():
        grid = points.flip(-1)[None, None, None]
        return F.grid_sample(volume[None], grid, padding_mode="border", align_corners=True)[0, :, 0, 0].T * inside
    low = index.detach().floor()
    fraction = index - low
    flat = volume.flatten(1).T
    total = torch.zeros(len(points), volume.shape[0], dtype=volume.dtype, device=volume.device)
    for corner in torch.cartesian_prod(*[torch.arange(2, device=points.device)] * 3):
        weight = torch.where(corner.bool(), fraction, 1 - fraction).prod(1, keepdim=True)
        x, y, z = (low + corner).long().clamp(0, side - 1).unbind(1)
        total = total + weight * flat[(x * side + y) * side + z]
    return total * inside


def encode_position(points: Tensor, octaves: int) -> Tensor:
    """Positional encoding (N, 3) -> (N, 3 + 6 octaves): p, then sin(2^k p), cos(2^k p), without a factor of pi."""
    waves = [f(points * 2**k) for k in range(octaves) for f in (torch.sin, torch.cos)]
    return torch.cat([points, *waves], 1)


class WeightNormLinear(nn.Module):
    """Linear layer with weight g * v / |v| per row, under the published names."""

    def __init__(self, weight: Tensor, bias: Tensor):
        super().__init__()
        self.bias = nn.Parameter(bias)
        self.weight_g = nn.Parameter(weight.norm(dim=1, keepdim=True))
        self.weight_v = nn.Parameter(weight)

    def forward(self, x: Tensor, outputs: int | None = None) -> Tensor:
        """(N, inputs) -> (N, outputs); `outputs` computes only the first ones."""
        g, v, bias = (p[:outputs] for p in (self.weight_g, self.weight_v, self.bias))
        return F.linear(x, g * v / v.norm(dim=1, keepdim=True), bias)


class SdfLayer(nn.Module):
    """Points (N, 3) in [-1, 1]^3 and latents (N, 16) -> signed distance and features (N, width).

    The features are unused, as published. Initialised to a sphere of radius 0.5 (Atzmon and Lipman 2020).
    """

    def __init__(self, width: int = 128, latent: int = 16, octaves: int = 6):
        super().__init__()
        self.octaves = octaves
        std = math.sqrt(2 / width)
        first = torch.zeros(width, 3 + 6 * octaves)
        first[:, :3] = torch.randn(width, 3) * std
        second = torch.randn(width, width + latent) * std
        third = torch.randn(width, width + latent) * 1e-4
        third += math.sqrt(math.pi / (width + latent))
        second[:, width:], third[:, width:] = 1e-3 * torch.randn(2, width, latent)
        self.lin0 = WeightNormLinear(first, torch.zeros(width))
        self.lin1 = WeightNormLinear(second, torch.zeros(width))
        self.lin2 = WeightNormLinear(third, torch.full((width,), -0.5))

    def forward(self, points: Tensor, latents: Tensor, outputs: int | None = None) -> Tensor:
        """(N, outputs). The distance alone takes half the time of all outputs."""
        hidden = F.softplus(self.lin0(encode_position(points, self.octaves)), beta=100)
        hidden = F.softplus(self.lin1(torch.cat([hidden, latents], 1)), beta=100)
        return self.lin2(torch.cat([hidden, latents], 1), outputs)

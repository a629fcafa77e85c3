# SPDX-License-Identifier: GPL-3.0-or-later
"""TripoSG's flow transformer (Li et al. 2025, section 3.1): noisy latents and image tokens -> their velocity."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import WIDENING, Attention, FeedForward, Linear, Norm

SLOWEST = 10_000.0  # ratio between the fastest and the slowest frequency of the time's embedding


@dataclass(frozen=True)
class FlowSizes:
    """latent: numbers of a latent vector. context: of an image token."""

    latent: int = 64
    width: int = 2048
    depth: int = 21
    heads: int = 16
    context: int = 1024


class Time(nn.Module):
    """Times (B,) -> one token (B, 1, W) each."""

    def __init__(self, width: int):
        super().__init__()
        self.linear_1 = Linear(width, WIDENING * width)
        self.linear_2 = Linear(WIDENING * width, width)

    def forward(self, t: Tensor, dtype: torch.dtype) -> Tensor:
        half = self.linear_1.in_features // 2
        frequencies = torch.exp(torch.arange(half, device=t.device) * (-math.log(SLOWEST) / half))
        angles = t.float()[:, None] * frequencies
        waves = torch.cat([angles.sin(), angles.cos()], -1).to(dtype)
        return self.linear_2(F.gelu(self.linear_1(waves)))[:, None]


class FlowBlock(nn.Module):
    """Self-attention, attention to the image and feed-forward layers with residuals (B, T, W) -> (B, T, W).

    takes_skip: whether it begins with an earlier block's output, joined to its input.
    """

    def __init__(self, sizes: FlowSizes, takes_skip: bool):
        super().__init__()
        width, heads = sizes.width, sizes.heads
        self.norm1, self.norm2, self.norm3 = (Norm(width) for _ in range(3))
        self.attn1 = Attention(width, heads, has_head_norms=True)
        self.attn2 = Attention(width, heads, sizes.context, has_head_norms=True)
        self.ff = FeedForward(width)
        if takes_skip:
            self.skip_linear, self.skip_norm = Linear(2 * width, width), Norm(width)

    def forward(self, x: Tensor, image: Tensor, skip: Tensor | None = None) -> Tensor:
        if skip is not None:
            x = self.skip_norm(self.skip_linear(torch.cat([skip, x], -1)))
        x = x + self.attn1(self.norm1(x))
        x = x + self.attn2(self.norm2(x), image)
        return x + self.ff(self.norm3(x))


class FlowTransformer(nn.Module):
    """Noisy latents (B, N, latent), times (B,) from 1000 (noise) to 0 and image tokens (B, S, context) -> velocities
    (B, N, latent) that point from noise to data. The latents are a set: they have no order."""

    def __init__(self, sizes: FlowSizes):
        super().__init__()
        self.sizes = sizes
        stored = sizes.depth // 2  # the first blocks' outputs, which the last ones take, the latest first
        self.time_proj = Time(sizes.width)
        self.proj_in = Linear(sizes.latent, sizes.width)
        self.blocks = nn.ModuleList(FlowBlock(sizes, i >= sizes.depth - stored) for i in range(sizes.depth))
        self.norm_out = Norm(sizes.width)
        self.proj_out = Linear(sizes.width, sizes.latent)

    def forward(self, latents: Tensor, t: Tensor, image: Tensor) -> Tensor:
        x = torch.cat([self.time_proj(t, latents.dtype), self.proj_in(latents)], 1)
        stored = []
        for i, block in enumerate(self.blocks):
            takes_skip = i >= self.sizes.depth - self.sizes.depth // 2
            x = block(x, image, stored.pop() if takes_skip else None)
            if i < self.sizes.depth // 2:
                stored.append(x)
        return self.proj_out(self.norm_out(x[:, 1:]))

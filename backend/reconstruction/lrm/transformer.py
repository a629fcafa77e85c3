# SPDX-License-Identifier: GPL-3.0-or-later
"""LRM's image-to-triplane transformer (Hong et al. 2024, section 3.2): learnt plane tokens attend to image tokens."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Order = Literal["self first", "cross first"]  # of the attention layers: TripoSR's; the paper's and OpenLRM's


class Norm(nn.Module):
    """Layer normalisation, modulated by the camera embedding (adaLN) if `camera`, its width, is not 0."""

    def __init__(self, width: int, eps: float, camera: int):
        super().__init__()
        self.norm = nn.LayerNorm(width, eps)
        self.modulation = nn.Linear(camera, 2 * width) if camera else None

    def forward(self, x: Tensor, camera: Tensor | None) -> Tensor:
        """x (B, T, W), camera (B, E)."""
        if self.modulation is None or camera is None:
            return self.norm(x)
        shift, scale = self.modulation(F.silu(camera))[:, None].chunk(2, -1)
        return self.norm(x) * (1 + scale) + shift


class Attention(nn.Module):
    """Multi-head attention from x (B, T, W) to context (B, S, C) -> (B, T, W)."""

    def __init__(self, width: int, context: int, heads: int, bias: bool):
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context, width, bias=False)
        self.to_v = nn.Linear(context, width, bias=False)
        self.to_out = nn.Linear(width, width, bias=bias)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        q, k, v = (
            t.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for t in (self.to_q(x), self.to_k(context), self.to_v(context))
        )
        return self.to_out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """Two layers with an inner width of 4 W and GELU, or GEGLU (Shazeer 2020) if gated."""

    def __init__(self, width: int, gated: bool):
        super().__init__()
        self.gated = gated
        self.first = nn.Linear(width, (8 if gated else 4) * width)
        self.second = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        if self.gated:
            value, gate = x.chunk(2, -1)
            return self.second(value * F.gelu(gate))
        return self.second(F.gelu(x))


class Block(nn.Module):
    """Self-attention, cross-attention (in either order) and feed-forward, with residuals."""

    def __init__(self, width: int, heads: int, context: int, order: Order, camera: int):
        super().__init__()
        self.order = order
        triposr = order == "self first"
        eps = 1e-5 if triposr else 1e-6
        self.norm1, self.norm2, self.norm3 = (Norm(width, eps, camera) for _ in range(3))
        self.self_attention = Attention(width, width, heads, bias=triposr)
        self.cross_attention = Attention(width, context, heads, bias=triposr)
        self.feed_forward = FeedForward(width, gated=triposr)

    def forward(self, x: Tensor, image: Tensor, camera: Tensor | None) -> Tensor:
        if self.order == "self first":
            x = x + self._attend_to_self(self.norm1(x, camera))
            x = x + self.cross_attention(self.norm2(x, camera), image)
        else:
            x = x + self.cross_attention(self.norm1(x, camera), image)
            x = x + self._attend_to_self(self.norm2(x, camera))
        return x + self.feed_forward(self.norm3(x, camera))

    def _attend_to_self(self, x: Tensor) -> Tensor:
        return self.self_attention(x, x)


class TriplaneTransformer(nn.Module):
    """Image tokens (B, S, C) and a camera embedding (B, E) -> plane tokens (B, 3 P P, W), plane by plane, row by row.

    TripoSR ("self first") has a group norm, projections and a global residual; the paper and OpenLRM ("cross first")
    have a final layer norm and no biases in their attention.
    """

    def __init__(self, width: int, depth: int, heads: int, context: int, plane_size: int, order: Order, camera: int):
        super().__init__()
        self.tokens = nn.Parameter(torch.randn(3 * plane_size**2, width) * width**-0.5)
        self.blocks = nn.ModuleList(Block(width, heads, context, order, camera) for _ in range(depth))
        self.group_norm = self.proj_in = self.proj_out = self.norm = None
        if order == "self first":
            self.group_norm = nn.GroupNorm(32, width, eps=1e-6)
            self.proj_in, self.proj_out = nn.Linear(width, width), nn.Linear(width, width)
        else:
            self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, image: Tensor, camera: Tensor | None = None) -> Tensor:
        first = x = self.tokens.expand(len(image), -1, -1)
        if self.group_norm is not None and self.proj_in is not None:
            x = self.proj_in(self.group_norm(x.transpose(1, 2)).transpose(1, 2))
        for block in self.blocks:
            x = block(x, image, camera)
        if self.proj_out is not None:
            return self.proj_out(x) + first
        return self.norm(x) if self.norm is not None else x

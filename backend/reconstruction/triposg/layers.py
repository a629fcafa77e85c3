# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers of TripoSG's transformers. Weights may be stored in half precision: each computes in its input's."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NORM_EPS = 1e-5
RMS_EPS = 1e-6
WIDENING = 4  # of the feed-forward layers


class Linear(nn.Linear):
    """A linear layer that computes in the precision of its input."""

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.to(x.dtype), None if self.bias is None else self.bias.to(x.dtype))


class Norm(nn.LayerNorm):
    """Layer normalisation, computed in float32."""

    def __init__(self, width: int):
        super().__init__(width, NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.weight.float(), self.bias.float()
        return F.layer_norm(x.float(), self.normalized_shape, weight, bias, self.eps).to(x.dtype)


class HeadNorm(nn.Module):
    """Root mean square normalisation of each head's queries or keys (..., D), computed in float32."""

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x.float(), self.weight.shape, self.weight.float(), RMS_EPS).to(x.dtype)


class Attention(nn.Module):
    """Multi-head attention from x (B, T, W) to a context (B, S, C) -> (B, T, W).

    has_head_norms: whether queries and keys are normalised. norms_context: whether the context is.
    """

    def __init__(
        self, width: int, heads: int, context: int = 0, has_head_norms: bool = False, norms_context: bool = False
    ):
        super().__init__()
        if width % heads:
            raise ValueError(f"{width} channels do not divide among {heads} heads")
        self.heads = heads
        self.to_q = Linear(width, width, bias=False)
        self.to_k, self.to_v = (Linear(context or width, width, bias=False) for _ in range(2))
        self.to_out = Linear(width, width)
        self.norm_q, self.norm_k = (HeadNorm(width // heads) if has_head_norms else nn.Identity() for _ in range(2))
        self.norm_cross = Norm(context or width) if norms_context else nn.Identity()

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        return self.attend(x, *self.keys_and_values(x if context is None else context))

    def keys_and_values(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (B, heads, S, W / heads), which serve every x of one context."""
        context = self.norm_cross(context)
        return self.norm_k(self._split(self.to_k(context))), self._split(self.to_v(context))

    def attend(self, x: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attention from x (B, T, W) to keys and values as `keys_and_values` gives them."""
        q = self.norm_q(self._split(self.to_q(x)))
        return self.to_out(F.scaled_dot_product_attention(q, keys, values).transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)


class FeedForward(nn.Module):
    """Two layers with GELU between them."""

    def __init__(self, width: int):
        super().__init__()
        self.first = Linear(width, WIDENING * width)
        self.second = Linear(WIDENING * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(F.gelu(self.first(x)))


class SelfBlock(nn.Module):
    """Self-attention and feed-forward layers with residuals (B, T, W) -> (B, T, W): the VAE's block."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm1, self.norm3 = Norm(width), Norm(width)
        self.attn1 = Attention(width, heads)
        self.ff = FeedForward(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn1(self.norm1(x))
        return x + self.ff(self.norm3(x))


class CrossBlock(nn.Module):
    """Attention of queries (B, T, W) to a normalised context, and feed-forward layers, with residuals."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm2, self.norm3 = Norm(width), Norm(width)
        self.attn2 = Attention(width, heads, norms_context=True)
        self.ff = FeedForward(width)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """keys, values: `attn2.keys_and_values` of the context."""
        x = x + self.attn2.attend(self.norm2(x), keys, values)
        return x + self.ff(self.norm3(x))

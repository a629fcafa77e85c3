# SPDX-License-Identifier: GPL-3.0-or-later
"""TripoSG's autoencoder of shapes (Li et al. 2025, section 3.2): surface points <-> latents -> a field."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .layers import CrossBlock, Linear, Norm, SelfBlock

OCTAVES = 8  # frequencies of a position's embedding
EMBEDDED = 3 + 2 * 3 * OCTAVES  # numbers of an embedded position


@dataclass(frozen=True)
class VAESizes:
    """width, depth: of the decoder. encoder_width, encoder_depth: of the encoder, its first block not counted."""

    latent: int = 64
    heads: int = 8
    width: int = 1024
    depth: int = 16
    encoder_width: int = 512
    encoder_depth: int = 8


@dataclass
class Shape:
    """A decoded shape: keys and values (1, heads, N, D) that every query of its field attends to."""

    keys: Tensor
    values: Tensor


class ShapeDecoder(nn.Module):
    """`decode` latents, then `query` the shape's field."""

    def __init__(self, sizes: VAESizes):
        super().__init__()
        self.post_quant = Linear(sizes.latent, sizes.width)
        self.blocks = nn.ModuleList(SelfBlock(sizes.width, sizes.heads) for _ in range(sizes.depth))
        self.proj_query = Linear(EMBEDDED, sizes.width)
        self.query_block = CrossBlock(sizes.width, sizes.heads)
        self.norm_out = Norm(sizes.width)
        self.proj_out = Linear(sizes.width, 1)

    def tokens(self, latents: Tensor) -> Tensor:
        """Latents (1, N, latent) -> tokens (1, N, W)."""
        x = self.post_quant(latents)
        for block in self.blocks:
            x = block(x)
        return x

    def decode(self, latents: Tensor) -> Shape:
        """Latents (1, N, latent) -> the shape."""
        return Shape(*self.query_block.attn2.keys_and_values(self.tokens(latents)))

    def query(self, shape: Shape, points: Tensor) -> Tensor:
        """Points float32 (K, 3) in the model's own frame -> values (K,): the logit of a truncated signed distance,
        positive inside."""
        embedded = embed_positions(points).to(shape.keys.dtype)[None]
        x = self.query_block(self.proj_query(embedded), shape.keys, shape.values)
        return -self.proj_out(self.norm_out(x))[0, :, 0].float()


class ShapeEncoder(nn.Module):
    """Points on a surface -> the latents' distribution."""

    def __init__(self, sizes: VAESizes):
        super().__init__()
        width = sizes.encoder_width
        self.proj_in = Linear(EMBEDDED + 3, width)
        self.cross_block = CrossBlock(width, sizes.heads)
        self.blocks = nn.ModuleList(SelfBlock(width, sizes.heads) for _ in range(sizes.encoder_depth))
        self.norm_out = Norm(width)
        self.quant = Linear(width, 2 * sizes.latent)

    def forward(self, points: Tensor, normals: Tensor, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Surface points (1, K, 3) with unit normals (1, K, 3), and the indices (N,) of those that become latents ->
        means and log variances (1, N, latent)."""
        surface = self.proj_in(torch.cat([embed_positions(points), normals], -1).to(self.proj_in.weight.dtype))
        x = self.cross_block(surface[:, queries], *self.cross_block.attn2.keys_and_values(surface))
        for block in self.blocks:
            x = block(x)
        mean, log_variance = self.quant(self.norm_out(x)).chunk(2, -1)
        return mean, log_variance


def embed_positions(points: Tensor) -> Tensor:
    """Positions (..., 3) and their sines and cosines at frequencies 1, 2, 4 ... 128, axis by axis (..., EMBEDDED)."""
    angles = (points[..., None] * 2.0 ** torch.arange(OCTAVES, device=points.device)).flatten(-2)
    return torch.cat([points, angles.sin(), angles.cos()], -1)

# SPDX-License-Identifier: GPL-3.0-or-later
"""An independent, slow implementation of Zero123's networks, on the names and shapes of the original checkpoint.

Rombach et al. 2022 (appendix E) for the UNet and the autoencoder, Radford et al. 2021 for the image encoder.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass
class Reference:
    """get: a tensor by its name in this network, None if there is none. eps: of the residual blocks' norms."""

    get: Callable[[str], Tensor | None]
    eps: float

    def linear(self, name: str, x: Tensor) -> Tensor:
        weight = self.get(f"{name}.weight")
        assert weight is not None
        return F.linear(x, weight, self.get(f"{name}.bias"))

    def conv(self, name: str, x: Tensor, stride: int = 1) -> Tensor:
        weight = self.get(f"{name}.weight")
        assert weight is not None
        return F.conv2d(
            x, weight, self.get(f"{name}.bias"), stride, padding=weight.shape[-1] // 2 if stride < 14 else 0
        )

    def group_norm(self, name: str, x: Tensor, eps: float) -> Tensor:
        return F.group_norm(x, 32, self.get(f"{name}.weight"), self.get(f"{name}.bias"), eps)

    def layer_norm(self, name: str, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], self.get(f"{name}.weight"), self.get(f"{name}.bias"))

    def residual(self, name: str, x: Tensor, parts: tuple[str, ...], time: Tensor | None = None) -> Tensor:
        norm1, conv1, norm2, conv2, skip = (f"{name}.{part}" for part in parts)
        h = self.conv(conv1, F.silu(self.group_norm(norm1, x, self.eps)))
        if time is not None:
            h = h + self.linear(f"{name}.emb_layers.1", F.silu(time))[:, :, None, None]
        h = self.conv(conv2, F.silu(self.group_norm(norm2, h, self.eps)))
        return h + (x if self.get(f"{skip}.weight") is None else self.conv(skip, x))


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """(B, N, C) each; every head's softmax in full."""
    parts = [
        ((a @ b.transpose(1, 2)) / math.sqrt(a.shape[-1])).softmax(-1) @ c
        for a, b, c in zip(q.chunk(heads, -1), k.chunk(heads, -1), v.chunk(heads, -1), strict=True)
    ]
    return torch.cat(parts, -1)


class Unet(Reference):
    PARTS = ("in_layers.0", "in_layers.2", "out_layers.0", "out_layers.3", "skip_connection")

    def attention(self, name: str, x: Tensor, context: Tensor) -> Tensor:
        q, k, v = (self.linear(f"{name}.to_{i}", y) for i, y in (("q", x), ("k", context), ("v", context)))
        return self.linear(f"{name}.to_out.0", attend(q, k, v, 8))

    def transformer(self, name: str, x: Tensor, context: Tensor) -> Tensor:
        block = f"{name}.transformer_blocks.0"
        h = self.conv(f"{name}.proj_in", self.group_norm(f"{name}.norm", x, 1e-6)).flatten(2).transpose(1, 2)
        y = self.layer_norm(f"{block}.norm1", h)
        h = h + self.attention(f"{block}.attn1", y, y)
        h = h + self.attention(f"{block}.attn2", self.layer_norm(f"{block}.norm2", h), context)
        value, gate = self.linear(f"{block}.ff.net.0.proj", self.layer_norm(f"{block}.norm3", h)).chunk(2, -1)
        h = h + self.linear(f"{block}.ff.net.2", value * F.gelu(gate))
        return x + self.conv(f"{name}.proj_out", h.transpose(1, 2).unflatten(2, x.shape[2:]))

    def layer(self, name: str, x: Tensor, time: Tensor, context: Tensor) -> Tensor:
        if self.get(f"{name}.in_layers.0.weight") is not None:
            return self.residual(name, x, self.PARTS, time)
        if self.get(f"{name}.norm.weight") is not None:
            return self.transformer(name, x, context)
        if self.get(f"{name}.op.weight") is not None:
            return self.conv(f"{name}.op", x, stride=2)
        if self.get(f"{name}.conv.weight") is not None:
            return self.conv(f"{name}.conv", F.interpolate(x, scale_factor=2))
        return self.conv(name, x) if self.get(f"{name}.weight") is not None else x

    def __call__(self, x: Tensor, t: Tensor, context: Tensor) -> Tensor:
        first = self.get("input_blocks.0.0.weight")
        assert first is not None
        half = len(first) // 2
        angles = t[:, None] * torch.exp(-math.log(10000) * torch.arange(half) / half)
        time = self.linear("time_embed.0", torch.cat([angles.cos(), angles.sin()], 1))
        time = self.linear("time_embed.2", F.silu(time))
        kept = []
        for i in range(12):
            for j in range(2):
                x = self.layer(f"input_blocks.{i}.{j}", x, time, context)
            kept.append(x)
        for j in range(3):
            x = self.layer(f"middle_block.{j}", x, time, context)
        for i in range(12):
            x = torch.cat([x, kept.pop()], 1)
            for j in range(3):
                x = self.layer(f"output_blocks.{i}.{j}", x, time, context)
        return self.conv("out.2", F.silu(self.group_norm("out.0", x, 1e-5)))


class Autoencoder(Reference):
    PARTS = ("norm1", "conv1", "norm2", "conv2", "nin_shortcut")

    def middle(self, name: str, x: Tensor) -> Tensor:
        x = self.residual(f"{name}.block_1", x, self.PARTS)
        h = self.group_norm(f"{name}.attn_1.norm", x, 1e-6)
        q, k, v = (self.conv(f"{name}.attn_1.{i}", h).flatten(2).transpose(1, 2) for i in "qkv")
        h = attend(q, k, v, 1).transpose(1, 2).unflatten(2, x.shape[2:])
        return self.residual(f"{name}.block_2", x + self.conv(f"{name}.attn_1.proj_out", h), self.PARTS)

    def end(self, name: str, x: Tensor) -> Tensor:
        return self.conv(f"{name}.conv_out", F.silu(self.group_norm(f"{name}.norm_out", x, 1e-6)))

    def encode(self, x: Tensor) -> Tensor:
        """The posterior's mode."""
        x = self.conv("encoder.conv_in", x)
        for i in range(4):
            for j in range(2):
                x = self.residual(f"encoder.down.{i}.block.{j}", x, self.PARTS)
            if i < 3:  # stride 2, padded at the right and below only
                x = self.conv(f"encoder.down.{i}.downsample.conv", F.pad(x, (1, 2, 1, 2)), stride=2)[:, :, 1:-1, 1:-1]
        return self.conv("quant_conv", self.end("encoder", self.middle("encoder.mid", x))).chunk(2, 1)[0]

    def decode(self, x: Tensor) -> Tensor:
        x = self.middle("decoder.mid", self.conv("decoder.conv_in", self.conv("post_quant_conv", x)))
        for i in range(3, -1, -1):
            for j in range(3):
                x = self.residual(f"decoder.up.{i}.block.{j}", x, self.PARTS)
            if i:
                x = self.conv(f"decoder.up.{i}.upsample.conv", F.interpolate(x, scale_factor=2))
        return self.end("decoder", x)


class ImageEncoder(Reference):
    def __call__(self, x: Tensor) -> Tensor:
        """Normalised images (B, 3, 224, 224) -> embeddings (B, D)."""
        first, positions, project = (self.get(n) for n in ("class_embedding", "positional_embedding", "proj"))
        assert first is not None and positions is not None and project is not None
        x = self.conv("conv1", x, stride=14).flatten(2).transpose(1, 2)
        x = self.layer_norm("ln_pre", torch.cat([first.expand(len(x), 1, -1), x], 1) + positions)
        i = 0
        while self.get(f"transformer.resblocks.{i}.ln_1.weight") is not None:
            name = f"transformer.resblocks.{i}"
            joined, bias = (self.get(f"{name}.attn.in_proj_{part}") for part in ("weight", "bias"))
            assert joined is not None
            q, k, v = F.linear(self.layer_norm(f"{name}.ln_1", x), joined, bias).chunk(3, -1)
            x = x + self.linear(f"{name}.attn.out_proj", attend(q, k, v, x.shape[-1] // 64))
            h = self.linear(f"{name}.mlp.c_fc", self.layer_norm(f"{name}.ln_2", x))
            x = x + self.linear(f"{name}.mlp.c_proj", h * torch.sigmoid(1.702 * h))
            i += 1
        return self.layer_norm("ln_post", x[:, 0]) @ project


def difference(ours: Tensor, known: Tensor) -> float:
    """Largest difference as a share of the largest known value."""
    assert ours.shape == known.shape
    return ((ours - known).abs().max() / known.abs().max()).item()

# SPDX-License-Identifier: GPL-3.0-or-later
"""LRM's image encoder: DINO's ViT or DINOv2 with registers, with position embeddings interpolated as in training; or,
for the starter, EfficientNet-Lite2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .efficientnet import CHANNELS, EfficientNetLite2

Positions = Literal["legacy", "new"]
LEGACY_SHIFT = 0.1  # patches that transformers before 4.46 added to the interpolated size


@dataclass(frozen=True)
class Encoder:
    """Configuration of an image encoder. EfficientNet has but a width, that of its tokens."""

    kind: Literal["dino", "dinov2", "efficientnet"] = "dino"
    width: int = 768
    depth: int = 12
    heads: int = 12
    hidden: int = 3072  # width of the feed-forward layers
    patch: int = 16  # pixels
    grid: int = 14  # patches per side at which the position embeddings were trained
    registers: int = 4  # register tokens, DINOv2 only
    pooler: bool = False  # whether the checkpoint has a pooling layer, which is not used
    eps: float = 1e-12  # of layer normalisation
    positions: Positions = "legacy"  # interpolation of DINO's position embeddings


class ImageTokens(nn.Module):
    """Normalised images (B, 3, S, S) -> tokens (B, 1 + (S / patch)^2, width), class token first."""

    def __init__(self, encoder: Encoder):
        super().__init__()
        self.encoder = encoder
        shared = {
            "hidden_size": encoder.width,
            "num_hidden_layers": encoder.depth,
            "num_attention_heads": encoder.heads,
            "patch_size": encoder.patch,
            "image_size": encoder.grid * encoder.patch,
            "layer_norm_eps": encoder.eps,
        }
        if encoder.kind == "dino":
            from transformers import ViTConfig, ViTModel  # here: it takes two seconds, and only one of both is needed

            config = ViTConfig(intermediate_size=encoder.hidden, **shared)
            self.model = ViTModel(config, add_pooling_layer=encoder.pooler)
            if encoder.positions == "legacy":
                self.model.embeddings.interpolate_pos_encoding = self._interpolate_legacy  # type: ignore[method-assign]
        else:
            from transformers import Dinov2WithRegistersConfig, Dinov2WithRegistersModel

            ratio = encoder.hidden // encoder.width
            config = Dinov2WithRegistersConfig(mlp_ratio=ratio, num_register_tokens=encoder.registers, **shared)
            self.model = Dinov2WithRegistersModel(config)
            del self.model.embeddings.mask_token  # used in its training only
            self.model.embeddings.mask_token = None  # pyright: ignore[reportAttributeAccessIssue]

    def forward(self, images: Tensor) -> Tensor:
        if self.encoder.kind == "dino":
            return self.model(images, interpolate_pos_encoding=True).last_hidden_state
        tokens = self.model(images).last_hidden_state
        return torch.cat([tokens[:, :1], tokens[:, 1 + self.encoder.registers :]], 1)

    def _interpolate_legacy(self, embeddings: Tensor, height: int, width: int) -> Tensor:
        """Interpolation of transformers up to 4.45, whose shift moves the sampling positions."""
        positions = self.model.embeddings.position_embeddings
        grid = self.encoder.grid
        patch = self.encoder.patch
        if embeddings.shape[1] == positions.shape[1] and height == width:
            return positions
        planes = positions[:, 1:].unflatten(1, (grid, grid)).permute(0, 3, 1, 2)
        scale = tuple((side // patch + LEGACY_SHIFT) / grid for side in (height, width))
        planes = F.interpolate(planes, scale_factor=scale, mode="bicubic", align_corners=False)
        return torch.cat([positions[:, :1], planes.flatten(2).transpose(1, 2)], 1)


class FeatureTokens(nn.Module):
    """Images (B, 3, S, S) in 0..1 -> tokens (B, 1 + (S / 16)^2, width), mean first; and the features at full, 1/2,
    1/4, 1/8 and 1/16 of the resolution that they were made from.

    EfficientNet sees the image at twice its size, which is nearer to that of its training.
    """

    def __init__(self, width: int):
        super().__init__()
        self.network = EfficientNetLite2()
        self.project = nn.Linear(CHANNELS[-1], width)
        self.norm = nn.LayerNorm(width)

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        features = self.network(F.interpolate(images, scale_factor=2.0, mode="bilinear", align_corners=False))
        tokens = self.project(features[-1].flatten(2).transpose(1, 2))
        return self.norm(torch.cat([tokens.mean(1, keepdim=True), tokens], 1)), features

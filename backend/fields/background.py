# SPDX-License-Identifier: GPL-3.0-or-later
"""The background of a rendering: a constant colour, or DreamFusion's environment map."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .hash_field import small_network


class Background(nn.Module):
    """Unit directions (N, 3) -> colours (N, channels), from an MLP on 9 spherical harmonics.

    RGB passes through a sigmoid, latents do not. color: a constant (channels,) in place of the MLP, without parameters.
    """

    def __init__(self, channels: int = 3, color: Tensor | None = None, hidden: int = 16) -> None:
        super().__init__()
        self.channels = channels
        self.network = small_network(9, hidden, channels, layers=2) if color is None else None
        self.constant: Tensor | None
        self.register_buffer("constant", color)

    def forward(self, directions: Tensor) -> Tensor:
        if self.constant is not None:
            return self.constant.to(directions).expand(len(directions), -1)
        assert self.network is not None
        color = self.network(harmonics(directions))
        return color.sigmoid() if self.channels == 3 else color


def harmonics(directions: Tensor) -> Tensor:
    """Orthonormal real spherical harmonics up to degree 2 of unit directions (N, 3) -> (N, 9)."""
    x, y, z = directions.unbind(-1)
    return torch.stack(
        [
            torch.full_like(x, 0.28209479177387814),
            0.4886025119029199 * y,
            0.4886025119029199 * z,
            0.4886025119029199 * x,
            1.0925484305920792 * x * y,
            1.0925484305920792 * y * z,
            0.31539156525252005 * (3 * z * z - 1),
            1.0925484305920792 * x * z,
            0.5462742152960396 * (x * x - y * y),
        ],
        dim=-1,
    )

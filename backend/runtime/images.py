# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixels as bytes and on white. Imports torch no sooner than its caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

SEEN = 8 / 255  # the least alpha that anybody sees; what is below is nothing
Pixels = TypeVar("Pixels", np.ndarray, "Tensor")


def to_bytes(pixels: np.ndarray | Tensor) -> np.ndarray:
    """Values 0..1 of any shape, on any device -> uint8 0..255, rounded; what lies outside is clipped, NaN is 0."""
    if not isinstance(pixels, np.ndarray):
        pixels = pixels.detach().float().cpu().numpy()
    return (np.nan_to_num(np.clip(pixels, 0, 1)) * 255 + 0.5).astype(np.uint8)


def clear_unseen(rgba: np.ndarray) -> np.ndarray:
    """RGBA float32 (..., 4), alpha 0..1 -> alpha below SEEN is 0, so that no box reaches around it."""
    unseen = (rgba[..., 3] > 0) & (rgba[..., 3] < SEEN - 1e-6)
    if not unseen.any():
        return rgba
    cleared = rgba.copy()
    cleared[..., 3][unseen] = 0
    return cleared


def on_white(rgba: Pixels) -> Pixels:
    """RGBA (..., 4), straight alpha, 0..1 -> RGB (..., 3) on white; differentiable for tensors."""
    color, alpha = rgba[..., :3], rgba[..., 3:]
    return color * alpha + (1 - alpha)  # pyright: ignore[reportReturnType]


def to_opaque_bytes(images: Tensor) -> np.ndarray:
    """Images (N, 3, H, W) in 0..1 -> uint8 RGBA (N, H, W, 4), opaque."""
    rgb = to_bytes(images.permute(0, 2, 3, 1))
    return np.concatenate([rgb, np.full((*rgb.shape[:3], 1), 255, np.uint8)], -1)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Between sRGB and linear light (IEC 61966-2-1)."""

from __future__ import annotations

import numpy as np


def to_linear(srgb: np.ndarray) -> np.ndarray:
    """sRGB 0..1 -> linear light 0..1."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """Linear light 0..1 -> sRGB 0..1."""
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def linear_rgba(rgba: np.ndarray) -> np.ndarray:
    """Colours sRGB 0..1 (..., 4) -> linear light; alpha stays."""
    return np.concatenate([to_linear(rgba[..., :3]), rgba[..., 3:]], -1)


def srgb_rgba(rgba: np.ndarray) -> np.ndarray:
    """Colours in linear light (..., 4) -> sRGB 0..1; alpha stays."""
    return np.concatenate([to_srgb(rgba[..., :3]), np.clip(rgba[..., 3:], 0, 1)], -1)

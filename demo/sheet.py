# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's picture: cells of one size in a row, and the four sides that they show."""

from __future__ import annotations

import numpy as np

PIXELS = 384  # a side of each cell
SIDES = (("front", 0), ("right", 90), ("back", 180), ("left", 270))  # and their azimuths in degrees
ELEVATION_DEG, RADIUS, FOV_DEG = 20.0, 2.6, 28.0  # of the camera
GREY = 0.85


def fit(picture: np.ndarray, pixels: int = PIXELS) -> np.ndarray:
    """Lay a picture, float32 (H, W, 4) with straight alpha in 0..1, on grey -> (pixels, pixels, 4)."""
    height, width = picture.shape[:2]
    scale = pixels / max(height, width)
    rows, columns = (np.arange(round(n * scale)) / scale for n in (height, width))
    small = picture[rows.astype(int)][:, columns.astype(int)]
    cell = np.full((pixels, pixels, 4), (GREY, GREY, GREY, 1), np.float32)
    top, left = (pixels - small.shape[0]) // 2, (pixels - small.shape[1]) // 2
    part = cell[top : top + small.shape[0], left : left + small.shape[1]]
    part[..., :3] += (small[..., :3] - part[..., :3]) * small[..., 3:]
    return cell

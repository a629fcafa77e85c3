# SPDX-License-Identifier: GPL-3.0-or-later
"""Separates the pixels at an object's outline, which are mixes, into object and background."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

RIM = 2  # pixels on each side of the outline that may be mixes
REACH = 6  # pixels around a mix in which its two colours are looked for
MIX = 0.25  # distance that a mix of two colours may have from the line between them
FAINT = 1e-3  # weight of the object's colours in the rim: they count where it is too thin to have others
DISTINCT = 0.03  # least distance of two colours whose mixes can be told apart
SQUARE = np.ones((3, 3), bool)


def separate(color: np.ndarray, matte: np.ndarray, backdrop: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Colour (H, W, 3) and opacity (H, W), float32, of an object whose outline is known to a pixel or two.

    color: RGB (H, W, 3), 0..1. matte: opacity (H, W), 0..1; 0.5 is the outline. backdrop: the background's colours
    (H, W, 3), if they are known, for gaps that are too narrow to show them.

    A pixel at the outline is a mix c = a f + (1 - a) b of the mean colours f and b of the object and the background
    around it, hence a = (c - b)(f - b) / |f - b|^2, and its colour becomes f. One that is no such mix keeps its colour
    and the matte's opacity. Farther from the outline the matte is rounded to 0 or 1.
    """
    solid = matte >= 0.5
    alpha, clean = solid.astype(np.float32), color.astype(np.float32)
    if (found := bounds(solid)) is None:
        return clean, alpha
    top, bottom, left, right = found
    margin = RIM + REACH + 1
    part = slice(max(top - margin, 0), bottom + margin), slice(max(left - margin, 0), right + margin)
    share, inner, rim = unmix(color[part], solid[part], None if backdrop is None else backdrop[part])
    told = share >= 0
    alpha[part][rim] = np.where(told, share, matte[part][rim])
    smooth = ndimage.median_filter(alpha[part], 3)  # without single pixels that a pattern behind them made stand out
    calm = np.where(solid[part], np.maximum(alpha[part], smooth), np.minimum(alpha[part], smooth))
    alpha[part][rim] = np.where(told, calm[rim], alpha[part][rim])
    clean[part][rim] = np.where((told & (share < 0.95))[:, None], inner, color[part][rim])
    return clean, alpha


def unmix(
    color: np.ndarray, solid: np.ndarray, backdrop: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The object's share (N,) in each pixel near a mask's outline (H, W), -1 where that cannot be told, the object's
    colours there (N, 3), and these pixels as a mask (H, W). color, backdrop: as in `separate`."""
    core = np.asarray(ndimage.binary_erosion(solid, SQUARE, RIM, border_value=1), bool)
    outside = ~np.asarray(ndimage.binary_dilation(solid, SQUARE, RIM), bool)
    rim = ~(core | outside)
    seen = color[rim]
    inner, has_inner = mean_near(color, np.where(core, 1, FAINT * solid), rim)
    outer, has_outer = mean_near(color, outside, rim)
    if backdrop is not None:
        outer, has_outer = np.where(has_outer[:, None], outer, backdrop[rim]), np.True_
    away = inner - outer
    length = np.einsum("ij,ij->i", away, away)
    share = np.clip(np.einsum("ij,ij->i", seen - outer, away) / np.maximum(length, 1e-6), 0, 1)
    apart = np.linalg.norm(outer + share[:, None] * away - seen, axis=1)
    is_mix = has_inner & has_outer & (length > DISTINCT**2) & (apart < MIX)
    return np.where(is_mix, share, -1), inner, rim


def mean_near(color: np.ndarray, mask: np.ndarray, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean colours (N, 3) of a mask's pixels, or weighted ones (H, W), around the N pixels of another mask, near ones
    heavier; and whether there are any (N,)."""
    weighted = np.dstack([color, np.ones(mask.shape, np.float32)]) * mask[..., None].astype(np.float32)
    padded = np.pad(weighted, ((REACH, REACH), (REACH, REACH), (0, 0)))
    width = padded.shape[1]
    pixels = padded.reshape(-1, 4)
    rows, columns = np.nonzero(where)
    middle = (rows + REACH) * width + columns + REACH
    total = np.zeros((len(middle), 4), np.float32)
    for y in range(-REACH, REACH + 1):
        for x in range(-REACH, REACH + 1):
            if y * y + x * x <= REACH * REACH:
                total += np.float32(np.exp(-(y * y + x * x) / RIM**2 / 2)) * pixels[middle + (y * width + x)]
    return total[:, :3] / np.maximum(total[:, 3:], 1e-9), total[:, 3] > 1e-6


def bounds(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """The first row and the one after the last that a mask (H, W) has, and the columns; None if it is empty."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    return (int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1) if len(rows) else None

# SPDX-License-Identifier: GPL-3.0-or-later
"""Soft shadows, which are no part of the object: painted by an image program, or on the floor of a photograph."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..runtime.images import SEEN
from .holes import NOISE
from .translucency import MIN_OBJECT, inwards, is_sharp

DENSE = 0.85  # largest alpha in a painted shadow
DARK, GREY = 0.25, 0.08  # largest channel of its color, and largest difference of the channels
ROUNDING = 1.5 / 255  # of premultiplied colors, which 8 bits leave coarse where alpha is low
BROAD = 5  # pixels across; what is narrower is an outline's soft edge
ABOVE = 0.15  # of the object's height, by which a shadow's middle lies above the object's at most
DEEPEST = 0.25  # share of the floor's light that is left in a shadow, at least
STEEP = 18  # change of that share over the picture's longer side; what changes faster is an edge
FLATTEST, STEEPEST = 0.01, 0.04  # bounds of that change, by pixel
MOST_PARTS = 20  # of a shadow; more are texture
LEFT = 0.3  # share of what stands out that is an object; else it was the object's own shading
SHADOW_WORDS = "A soft shadow was left out."
SQUARE = np.ones((3, 3), bool)


def without_shadow(image: np.ndarray) -> tuple[np.ndarray, bool]:
    """RGBA float32 (H, W, 4), straight alpha -> the image without soft, dark, grey shadows of an opaque object, and
    whether there were any."""
    color, alpha = image[..., :3], image[..., 3]
    opaque, seen = alpha > DENSE, alpha >= SEEN
    if opaque.sum() < MIN_OBJECT * seen.sum():
        return image, False
    dark = (color.max(-1) - DARK) * alpha <= ROUNDING
    soft = seen & ~opaque & dark & ((np.ptp(color, axis=-1) - GREY) * alpha <= ROUNDING)
    core = np.asarray(ndimage.binary_opening(soft, np.ones((BROAD, BROAD), bool)))
    names, count = ndimage.label(core, SQUARE)  # pyright: ignore[reportGeneralTypeIssues]
    if not count:
        return image, False
    depth, parts = inwards(alpha), [names == number for number in range(1, min(count, MOST_PARTS) + 1)]
    found = [part for part in parts if not is_sharp(part, alpha, depth) and lies_low(part, opaque)]
    if not found:
        return image, False
    shadow = np.logical_or.reduce(found)
    beside = np.asarray(ndimage.binary_dilation(seen & ~soft, SQUARE, BROAD), bool)
    shadow = np.asarray(ndimage.binary_dilation(shadow, SQUARE, BROAD), bool) | ~beside
    cleared = image.copy()
    cleared[..., 3][shadow & soft] = 0
    return cleared, True


def lies_low(part: np.ndarray, opaque: np.ndarray) -> bool:
    """Whether a region (H, W) is not above the object, as smoke is."""
    rows, shade = np.nonzero(opaque)[0], np.nonzero(part)[0]
    return bool(shade.mean() >= rows.mean() - ABOVE * np.ptp(rows))


def find_floor_shadow(color: np.ndarray, backdrop: np.ndarray, solid: np.ndarray) -> np.ndarray:
    """The pixels (H, W) of a soft shadow among those that stand out from a plain background.

    color, backdrop: RGB (H, W, 3). A shadow is the background's color with less light, and gets darker without an edge
    from where nothing stands out.
    """
    light = (color * backdrop).sum(-1) / np.maximum((backdrop * backdrop).sum(-1), 1e-6)
    is_shade = (light >= DEEPEST) & (np.linalg.norm(color - light[..., None] * backdrop, axis=-1) < NOISE)
    steepest = np.clip(STEEP / max(light.shape), FLATTEST, STEEPEST)
    is_even = np.asarray(ndimage.gaussian_gradient_magnitude(light, 1)) < steepest
    passable = ndimage.binary_erosion(~solid | (is_shade & is_even), np.ones((BROAD, BROAD), bool), border_value=1)
    names, _ = ndimage.label(passable)  # pyright: ignore[reportGeneralTypeIssues]
    open_air = np.unique(np.concatenate([names[0], names[-1], names[:, 0], names[:, -1]]))
    reached = ndimage.binary_dilation(np.isin(names, open_air[open_air > 0]), SQUARE, BROAD // 2 + 2)
    shadow = np.asarray(reached, bool) & is_shade & solid
    rest = solid & ~shadow
    if rest.sum() < LEFT * solid.sum() or not shadow.any() or not lies_low(shadow, rest):
        return np.zeros_like(solid)
    return shadow

# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of glass or smoke, which are half transparent."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..runtime.images import SEEN

SOLID = 0.5  # alpha from which on a pixel counts as the object's
RIM = 4  # pixels from a region's outer edge over which a shadow is still faint, and glass is not
HALF = 0.5  # faint and not, as a share of the region's usual alpha
MIN_OBJECT = 0.02  # share of the visible pixels that an opaque object has at least
CLEAR = 0.15  # alpha from which on a pixel of a half-transparent object counts
GLASS_WORDS = "The object is half transparent; it was taken as solid."


def solidify(image: np.ndarray) -> tuple[np.ndarray, bool]:
    """RGBA float32 (H, W, 4) -> the image with an alpha that reaches 1 where an object is half transparent, throughout
    or but for highlights, and whether it is."""
    alpha = image[..., 3]
    seen, solid = alpha >= SEEN, alpha >= SOLID
    clear = (alpha >= CLEAR) & ~solid
    is_faint = solid.sum() < MIN_OBJECT * seen.sum()
    if not is_faint and (solid.sum() > clear.sum() or not is_sharp(clear, alpha, inwards(alpha))):
        return image, False
    raised = image.copy()
    raised[..., 3] = np.clip(alpha / np.median(alpha[seen if is_faint else clear]), 0, 1)
    return raised, True


def inwards(alpha: np.ndarray) -> np.ndarray:
    """Pixels (H, W) from where nothing is seen."""
    return np.asarray(ndimage.distance_transform_edt(alpha >= SEEN))


def is_sharp(part: np.ndarray, alpha: np.ndarray, depth: np.ndarray) -> bool:
    """Whether a region (H, W) of an opacity ends at an edge where nothing is seen any more; shadows and glows fade.

    depth: the opacity's `inwards`.
    """
    rim = part & (depth <= RIM)
    return not rim.any() or bool(np.median(alpha[rim]) > HALF * np.median(alpha[part]))

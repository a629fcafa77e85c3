# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells background that shows through a hole from a highlight of the same color."""

from __future__ import annotations

import itertools

import numpy as np
from scipy import ndimage

NOISE = 0.04  # RGB colors, 0..1, closer than this are equal
HALO = 0.1  # reach of JPEG's ringing around an outline, which is HALO_PIXELS wide
HALO_PIXELS = 3
MIN_PIXELS = 16  # of an object, and of a hole
EDGE_PIXELS = 3  # width of an edge, blurred as in photographs
EDGE = 0.65  # of the difference that is reached twice as far away, an edge has at least this behind it
ALL_ROUND = 0.75  # share of a hole's border that is an edge


def find_background(distance: np.ndarray, limit: float, noise: float) -> np.ndarray:
    """Pixels (H, W) whose distance from the background's color is below the limit and that are connected to the border,
    or that show through a hole.

    A hole differs from a part of the object in a similar color by its mean distance, which is the background's, and
    from a highlight by the edge around it.
    """
    names = np.empty(distance.shape, np.int32)
    ndimage.label(distance < limit, output=names)
    sizes = np.maximum(np.bincount(names.ravel()), 1)
    mean = np.bincount(names.ravel(), distance.ravel()) / sizes
    behind = (sizes >= MIN_PIXELS) & (mean < max(1.5 * noise, NOISE / 2))
    behind[0] = False
    outside = np.unique(np.concatenate([names[0], names[-1], names[:, 0], names[:, -1]]))
    behind[outside] = False
    boxes = ndimage.find_objects(names)
    for name in np.flatnonzero(behind):
        behind[name] = has_edge(distance, names, boxes[name - 1], int(name), 2 * limit)
    behind[outside[outside > 0]] = True
    return np.asarray(ndimage.binary_dilation(behind[names], iterations=HALO_PIXELS, mask=distance < HALO))


def has_edge(distance: np.ndarray, names: np.ndarray, box: tuple[slice, ...], name: int, least: float) -> bool:
    """Whether a region of that name in a map (H, W) ends at an edge all round; a highlight fades into the object.

    box: around the region. least: distance from the background's color that an edge has behind it.
    """
    reach = 4 * EDGE_PIXELS + 1
    part = tuple(slice(max(side.start - reach, 0), side.stop + reach) for side in box)
    near, region = distance[part], names[part] == name
    rim = region & ~np.asarray(ndimage.binary_erosion(region), bool)
    most = [ndimage.maximum_filter(near, 2 * EDGE_PIXELS * width + 1)[rim] for width in (1, 2, 4)]
    is_edge = [(a >= least) & (a >= EDGE * b) for a, b in itertools.pairwise(most)]  # a sharp one, or a blurred one
    return float(np.logical_or.reduce(is_edge).mean()) >= ALL_ROUND

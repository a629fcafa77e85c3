# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps over the picture: distances to outlines, breadths of parts, and values spread smoothly."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import (
    binary_fill_holes,
    distance_transform_edt,
    gaussian_filter,
    label,
    map_coordinates,
    maximum_filter,
)
from scipy.ndimage import maximum as maximum_of
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import spsolve

LONG = 3.0  # radii of length from which a thin piece is a part, and not the tip of a corner


def signed_distance(mask: np.ndarray, smooth: float = 1.0) -> np.ndarray:
    """Signed distance (H, W) in pixels to the outline of a mask (H, W), negative inside; a Gaussian of `smooth` pixels
    takes the pixels' steps away."""
    if not mask.any() or mask.all():
        return np.full(mask.shape, -1.0 if mask.all() else 1.0) * sum(mask.shape)
    outside, inside = (np.asarray(distance_transform_edt(m)) for m in (~mask, mask))
    return gaussian_filter(np.where(mask, 0.5 - inside, outside - 0.5), smooth)


def made_visible(mask: np.ndarray, radius: float) -> np.ndarray:
    """A mask (H, W) whose parts and holes are wide enough for a mesh: holes that no disc of `radius` pixels fits into
    are filled, and long parts that none fits into are widened along their middle lines."""
    holes, count = labelled(binary_fill_holes(mask) & ~mask)
    widest = np.asarray(maximum_of(distance_transform_edt(~mask), holes, np.arange(count + 1)))
    mask = mask | ((holes > 0) & (widest < radius)[holes])
    inside = np.asarray(distance_transform_edt(mask))
    opened = np.asarray(distance_transform_edt(inside <= radius)) <= radius if (inside > radius).any() else ~mask
    thin, count = labelled(mask & ~opened)
    middle = (thin > 0) & (inside >= maximum_filter(inside, 3))
    long = np.bincount(thin[middle], minlength=count + 1) > LONG * radius
    middle &= long[thin]
    return mask | (np.asarray(distance_transform_edt(~middle)) <= radius) if middle.any() else mask


def labelled(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """A number for each connected piece of a mask (H, W), 0 outside, corners connect; and how many there are."""
    pieces = np.zeros(mask.shape, np.int32)
    return pieces, int(label(mask, np.ones((3, 3)), output=pieces))  # pyright: ignore[reportArgumentType]


def resized(image: np.ndarray, side: int) -> np.ndarray:
    """A square image (H, H, ...) of side x side pixels, by cubic splines; means of whole pixels where it
    becomes smaller by a whole factor."""
    factor, rest = divmod(len(image), side)
    if factor > 1 and not rest:
        return image.reshape(side, factor, side, factor, *image.shape[2:]).mean((1, 3))
    at = (np.arange(side) + 0.5) * len(image) / side - 0.5
    return look_up(image, *np.meshgrid(at, at, indexing="ij"), order=3)


def look_up(image: np.ndarray, rows: np.ndarray, columns: np.ndarray, order: int = 1) -> np.ndarray:
    """Values (..., C) or (...) of an image (H, W, C) or (H, W) between pixel centres; its border goes on outside."""
    channels = image.reshape(*image.shape[:2], -1).transpose(2, 0, 1)
    values = [map_coordinates(c, [rows, columns], order=order, mode="nearest") for c in channels]
    return values[0] if image.ndim == 2 else np.stack(values, -1)


def breadth(distance: np.ndarray, most: float) -> np.ndarray:
    """Radius (H, W) in pixels of the part around each pixel, up to `most`, given the signed distance to its outline.

    The distance in the part's middle line, carried along the gradient to its rim and beyond.
    """
    rows, columns = np.indices(distance.shape, float)
    down, right = np.gradient(gaussian_filter(distance, 1))
    length = np.maximum(np.hypot(down, right), 1e-6)
    inwards = rows - down / length, columns - right / length
    radius = np.clip(-distance, 0, most)
    for _ in range(round(most) + 4):
        radius = np.maximum(radius, look_up(radius, *inwards))
    return radius


def spread(values: np.ndarray, weight: np.ndarray, stiffness: float) -> np.ndarray:
    """x (H, W) that minimises the sum of weight (x - values)^2 + stiffness |grad x|^2; some weight is positive."""
    shape, count = weight.shape, weight.size
    index = np.arange(count).reshape(shape)
    first, second = (
        np.concatenate([a.ravel(), b.ravel()]) for a, b in ((index[:, :-1], index[:-1]), (index[:, 1:], index[1:]))
    )
    graph = coo_array((np.full(len(first), stiffness), (first, second)), shape=(count, count)).tocsr()
    graph = graph + graph.T
    matrix = diags_array(graph.sum(1) + weight.ravel()) - graph
    return np.asarray(spsolve(matrix.tocsc(), (weight * values).ravel())).reshape(shape)

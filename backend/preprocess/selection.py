# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of an image that the artist chose: a box, and one of several objects in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from ..interface.parameters import ParameterError
from .background import Cutout, remove_background
from .image import MIN_SIDE

MIN_OBJECT = 0.1  # area of a separate object, as a share of the largest one's
WHOLE = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Selection:
    """box: left, top, right and bottom as shares of the image's sides. number: of the object in it, the leftmost is 1;
    0 takes all."""

    box: tuple[float, float, float, float] = WHOLE
    number: int = 0


def check_selection(value: Any) -> Selection:
    """A request's {"box": [left, top, right, bottom], "object": number}; ParameterError."""
    if not isinstance(value, dict):
        raise ParameterError("The selection must be a box and the number of an object.")
    box, number = value.get("box", WHOLE), value.get("object", 0)
    if not isinstance(box, (list, tuple)) or len(box) != 4 or not all(type(x) in (int, float) for x in box):
        raise ParameterError("The box of a selection must be four numbers: left, top, right, bottom.")
    left, top, right, bottom = (float(x) for x in box)
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):  # also false for NaN
        raise ParameterError("The box of a selection must lie in the image: 0 to 1, left < right, top < bottom.")
    if type(number) is not int or not 0 <= number < 1000:
        raise ParameterError("The number of an object must be a whole number; 0 takes all.")
    return Selection((left, top, right, bottom), number)


def select(image: np.ndarray, chosen: Selection, mode: str, device: str) -> np.ndarray:
    """RGBA float32 (H, W, 4), straight alpha -> the chosen part, with one object alone cut out if a number is given.

    mode: as in `remove_background`. Raises ImageError; ParameterError if there are fewer objects; WeightsError.
    """
    image = crop(image, chosen.box)
    return pick(remove_background(image, mode, device), chosen.number) if chosen.number else image


def crop(image: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """The pixels (h, w, 4) inside a box of shares, at least MIN_SIDE a side where the image has as many."""
    height, width = image.shape[:2]
    left, right = span(box[0], box[2], width)
    top, bottom = span(box[1], box[3], height)
    return np.ascontiguousarray(image[top:bottom, left:right])


def span(low: float, high: float, size: int) -> tuple[int, int]:
    """First pixel and the one after the last, of an interval given as shares of `size` pixels."""
    begin, end = round(low * size), round(high * size)
    wanted = min(MIN_SIDE, size)
    begin = max(0, min(begin, size - wanted))
    return begin, max(end, begin + wanted)


def find_objects(alpha: np.ndarray) -> list[np.ndarray]:
    """Masks (H, W) of the separate objects of an opacity (H, W), from left to right by their middles."""
    names, count = ndimage.label(alpha >= 0.5, np.ones((3, 3)))  # pyright: ignore[reportGeneralTypeIssues]
    names = np.asarray(names)
    sizes = np.bincount(names.ravel(), minlength=count + 1)
    sizes[0] = 0
    large = np.flatnonzero(sizes >= max(MIN_OBJECT * sizes.max(), 1))
    boxes = ndimage.find_objects(names)
    large = sorted(large, key=lambda name: boxes[name - 1][1].start + boxes[name - 1][1].stop)
    return [names == name for name in large]


def warn_of_parts(rgba: np.ndarray) -> Iterator[str]:
    """A warning where a cut-out image (H, W, 4) shows several objects."""
    if (parts := len(find_objects(rgba[..., 3]))) > 1:
        yield f"The image shows {parts} separate parts, which became one mesh. For one object, cut out the others."


def pick(cutout: Cutout, number: int) -> np.ndarray:
    """The cut-out image (H, W, 4) with one object alone; its soft edge is kept. ParameterError."""
    found = find_objects(cutout.image[..., 3])
    if number > len(found):
        raise ParameterError(f"The image shows {len(found)} objects, not {number}.", "Choose one of them, or all.")
    mine = found.pop(number - 1)
    if not found:
        return cutout.image
    others = np.logical_or.reduce(found)
    nearer = distance_to(mine) <= distance_to(others)  # each half-transparent pixel belongs to the nearest object
    image = cutout.image.copy()
    image[..., 3] *= nearer
    return image


def distance_to(mask: np.ndarray) -> np.ndarray:
    """Each pixel's distance (H, W) to the nearest pixel of a mask."""
    return np.asarray(ndimage.distance_transform_edt(~mask))

# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what an engine will get of an image, before any job: the chosen part, cut out and framed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..interface.errors import ImageError
from ..interface.tasks import LRM
from ..preprocess.background import remove_background
from ..preprocess.framing import frame
from ..preprocess.selection import check_selection, crop, find_objects, pick
from ..runtime.images import to_bytes
from .inputs import read_image_or_prompt

LARGEST = 1024  # pixels a side


def look(message: Mapping[str, Any], attached: Mapping[str, bytes]) -> tuple[dict[str, Any], np.ndarray]:
    """The facts and the picture uint8 (H, W, 4), straight alpha, that answer a "look" message.

    message: "inputs" as in a request; "remove_background" of the engine, or "never" for the image as it is; "framed":
    pixels a side of the square that the engine looks at, 0 for the whole picture of at most LARGEST a side. Facts:
    number of objects, sentences on the image and its background. Raises ImageError, ParameterError, WeightsError.
    """
    named = message.get("inputs")
    named = named if isinstance(named, dict) else {}
    inputs = read_image_or_prompt(named, attached, lambda name, data: None)
    image, warnings = inputs.get("image"), inputs.get("warnings", [])
    if image is None:
        raise ImageError("There is no image to show.")
    chosen = check_selection(named.get("selection", {}))
    mode = LRM.parameter("remove_background").check(message.get("remove_background", "auto"))
    cutout = remove_background(crop(image, chosen.box), mode)
    objects = 0 if cutout.method == "none" else len(find_objects(cutout.image[..., 3]))
    shown = pick(cutout, chosen.number) if 0 < chosen.number <= objects else cutout.image
    side = message.get("framed")
    framed = frame(shown, min(side, LARGEST))[0] if type(side) is int and side > 0 else at_most(shown)
    return {"objects": objects, "note": " ".join([*warnings, cutout.note])}, to_bytes(framed)


def at_most(image: np.ndarray) -> np.ndarray:
    """Every n-th pixel, so that no side is above LARGEST."""
    step = -(-max(image.shape[:2]) // LARGEST)
    return image[::step, ::step]

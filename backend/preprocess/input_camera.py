# SPDX-License-Identifier: GPL-3.0-or-later
"""The input image's camera: given, or estimated by the starter LRM."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..interface.view_set import RADIUS
from ..reconstruction.lrm.model import LRM
from ..weights.loaders.lrm import load_lrm
from ..weights.store.store import STARTER

LIMITS = (-30.0, 80.0), (0.3, 2.0), (0.02, 1.0)  # of estimated elevations in degrees, distances and depths


def input_camera(kind: str, picture: Tensor, elevation_deg: float, is_estimated: bool) -> tuple[float, float]:
    """(elevation in degrees, apparent distance) of a picture (1, 3, S, S) in -1..1, framed for weights of this kind.

    The elevation is estimated if that is requested and the starter can; otherwise it is the given one.
    """
    if kind != "starter":
        return elevation_deg, RADIUS
    elevation, distance, _ = estimate_camera(load_lrm(STARTER / "lrm")[0], picture / 2 + 0.5)
    return elevation if is_estimated else elevation_deg, distance


@torch.no_grad()
def estimate_camera(model: LRM, picture: Tensor) -> tuple[float, float, float]:
    """(elevation in degrees, apparent distance, depth of the object in the world) of a framed picture (1, 3, S, S) in
    0..1, estimated by the starter LRM."""
    elevation, distance, depth = model.estimate_camera(picture.to(model.device))[0].tolist()
    found = math.degrees(elevation), math.exp(distance), math.exp(depth)
    return tuple(min(max(value, low), high) for value, (low, high) in zip(found, LIMITS, strict=True))  # pyright: ignore

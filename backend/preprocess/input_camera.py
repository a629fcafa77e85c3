# SPDX-License-Identifier: GPL-3.0-or-later
"""The input image's camera: given, or estimated by the starter LRM."""

from __future__ import annotations

import math
from statistics import NormalDist

import torch
import torch.nn.functional as F
from torch import Tensor

from ..interface.view_set import RADIUS
from ..reconstruction.lrm.model import LRM
from ..weights.loaders.lrm import load_lrm
from ..weights.store.store import STARTER

LIMITS = (-30.0, 80.0), (0.3, 2.0), (0.02, 1.0)  # of estimated elevations in degrees, distances and depths
# Standard deviations of what another seed draws. They are half the width of the middle 68 % of the estimates' errors
# on renders from 0 to 35 degrees: 6.5 degrees and 0.136 for 568 renders of the 142 validation objects among the
# training meshes, 5.5 degrees and 0.153 for 320 renders of demo/meshes. Both errors hardly correlate (-0.18 and 0.05).
ELEVATION_SPREAD = 6.0  # degrees
DEPTH_SPREAD = 0.14  # of the log
ROOTS = 1930543745, 1359893119  # fractional parts of the roots of 6 and 11, times 2**32; odd


def input_camera(kind: str, picture: Tensor, elevation_deg: float, is_estimated: bool) -> tuple[float, float]:
    """(elevation in degrees, apparent distance) of a picture (1, 3, S, S) in -1..1, framed for weights of this kind.

    The elevation is estimated if that is requested and the starter can; otherwise it is the given one.
    """
    if kind != "starter":
        return elevation_deg, RADIUS
    model = load_lrm(STARTER / "lrm")[0]
    side = model.architecture.image_size
    enlarged = F.interpolate(picture / 2 + 0.5, (side, side), mode="bilinear", align_corners=False)
    elevation, distance, _ = estimate_camera(model, enlarged)
    return elevation if is_estimated else elevation_deg, distance


@torch.no_grad()
def estimate_camera(model: LRM, picture: Tensor) -> tuple[float, float, float]:
    """(elevation in degrees, apparent distance, depth of the object in the world) of a framed picture (1, 3, S, S) in
    0..1, estimated by the starter LRM."""
    elevation, distance, depth = model.estimate_camera(picture.to(model.device))[0].tolist()
    found = math.degrees(elevation), math.exp(distance), math.exp(depth)
    return tuple(min(max(value, low), high) for value, (low, high) in zip(found, LIMITS, strict=True))  # pyright: ignore


def vary(elevation_deg: float, seed: int) -> tuple[float, float]:
    """(elevation in degrees, factor of the depth) of another guess as likely as the estimate; seed 0 leaves both."""
    if not seed:
        return elevation_deg, 1.0
    turn, stretch = (standard_normal(seed, root) for root in ROOTS)
    low, high = LIMITS[0]
    elevation = min(max(elevation_deg + ELEVATION_SPREAD * turn, low), high)
    return elevation, math.exp(DEPTH_SPREAD * stretch)


def standard_normal(seed: int, multiplier: int) -> float:
    """A standard normal number. Those of successive seeds lie more evenly than random ones, so that a few variations
    differ from each other and none is an outlier."""
    position = (seed * multiplier + (1 << 31)) % (1 << 32)
    return NormalDist().inv_cdf((position + 0.5) / (1 << 32))

# SPDX-License-Identifier: GPL-3.0-or-later
"""The object's own colours in a cut-out image: nothing of the background that its soft border holds."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import distance_transform_edt
from torch import Tensor

OPAQUE = 0.98  # alpha of a pixel that holds no background
FRINGE = 0.003  # of the image's side: pixels so near the border are not trusted, since cut-outs are not exact
FAINT = 1e-3  # weight of parts that are all border, beside those that have an inside


def foreground(rgba: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """The colours of the object in a square image (S, S, 4), straight alpha, averaged down to (side, side, 3).

    Pixels outside the object take the colour of the nearest one inside, so that no lookup mixes in the background.
    Returns them and each pixel's distance to the object's inside in shares of the image's side (side, side).
    """
    weight = trusted(rgba[..., 3])
    sums = torch.cat([rgba[..., :3] * weight[..., None], weight[..., None]], -1).permute(2, 0, 1)[None]
    sums = F.interpolate(sums, (side, side), mode="area")[0].permute(1, 2, 0)
    known = sums[..., 3] > 0
    if not known.any():
        return rgba.new_zeros(side, side, 3), rgba.new_full((side, side), torch.inf)
    distance, nearest = distance_transform_edt(~known.cpu().numpy(), return_indices=True)  # pyright: ignore
    row, column = (torch.from_numpy(np.asarray(x)).long().to(rgba.device) for x in nearest)
    colors = sums[..., :3] / sums[..., 3:].clamp(min=1e-12)
    return colors[row, column].clamp(0, 1), torch.from_numpy(distance).to(rgba) / side


def trusted(alpha: Tensor) -> Tensor:
    """Weights (S, S) of pixels: 1 inside the object, FAINT where a part is too thin to have an inside, else 0."""
    by = max(1, round(FRINGE * alpha.shape[0]))
    inside = erode(alpha >= OPAQUE, by)
    thin = (alpha >= OPAQUE) & ~dilate(inside, 2 * by + 1)
    if not (inside | thin).any():
        thin = alpha >= alpha.max() * 0.9  # see-through all over
    return inside + FAINT * thin


def dilate(mask: Tensor, by: int) -> Tensor:
    """A mask (H, W) grown by a square of `by` pixels to each side."""
    rows = F.max_pool2d(mask[None, None].float(), (2 * by + 1, 1), 1, (by, 0))
    return F.max_pool2d(rows, (1, 2 * by + 1), 1, (0, by))[0, 0] > 0


def erode(mask: Tensor, by: int) -> Tensor:
    """A mask (H, W) shrunk by a square of `by` pixels to each side; outside the image counts as inside."""
    return ~dilate(~mask, by)

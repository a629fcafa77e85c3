# SPDX-License-Identifier: GPL-3.0-or-later
"""Image losses of the starter's LRM (Hong et al. 2024, section 3.4): L1 and LPIPS on crops of second views.

The colours are asked at the true surface, one point a pixel: the distances teach the shape, and rendering through the
field would take thirty points a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..reconstruction.lrm.model import LRM, Scene
from .framed import ELEVATIONS
from .render import Renderer, orbit

CROP = 64  # pixels per side
FRAME = 112  # pixels per side of the view that the crop is part of
CROPS = 2  # per batch
ABSOLUTE, PERCEPTUAL = 0.25, 0.15  # loss weights


@dataclass
class Crops:
    """C crops of views of a batch's objects."""

    index: Tensor  # (C,), in the batch
    points: Tensor  # (C, CROP * CROP, 3), where pixels see the surface, in the model's world; zero where they miss it
    hit: Tensor  # (C, 1, CROP, CROP) bool
    images: Tensor  # (C, 3, CROP, CROP) on white, sRGB 0..1

    def to(self, device: str) -> Crops:
        return Crops(*(t.to(device) for t in vars(self).values()))


def draw_crop(renderer: Renderer, placement: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Points, hits and image, see `Crops`, of a crop around a random place of the object from a random side.

    placement: (3, 4), from the object's world to the model's.
    """
    camera = orbit(rng.uniform(0, 360), rng.uniform(*ELEVATIONS))
    left, _, right, top = renderer.framing(camera)
    step = (right - left) / FRAME
    first = rng.uniform(0.25, 0.75, 2) * FRAME - CROP / 2  # column, row
    x, y = np.meshgrid(
        left + (first[0] + np.arange(CROP) + 0.5) * step, top - (first[1] + np.arange(CROP) + 0.5) * step
    )
    directions = np.stack([x, y, np.full_like(x, -1)], -1).reshape(-1, 3) @ camera[:3, :3].T
    directions = (directions / np.linalg.norm(directions, axis=1, keepdims=True)).astype(np.float32)
    rgba, distance, _ = renderer.cast(np.broadcast_to(camera[:3, 3], directions.shape).astype(np.float32), directions)
    hit = np.isfinite(distance)
    points = camera[:3, 3] + np.where(hit, distance, 0)[:, None] * directions
    points = np.where(hit[:, None], points @ placement[:, :3].T + placement[:, 3], 0)
    image = (rgba[:, :3] + 1 - rgba[:, 3:]).T.reshape(3, CROP, CROP)
    return points.astype(np.float32), hit.reshape(1, CROP, CROP), np.ascontiguousarray(image, np.float32)


def view_losses(model: LRM, scene: Scene, crops: Crops, perceptual: nn.Module) -> dict[str, Tensor]:
    """L1 and perceptual loss of the crops' colours, asked of the scene of the whole batch."""
    colors = model.query(scene.select(crops.index), crops.points)[1]
    rendered = torch.where(crops.hit, colors.transpose(1, 2).unflatten(2, (CROP, CROP)), 1)
    return {
        "view": ABSOLUTE * (rendered - crops.images).abs().mean(),
        "perceptual": PERCEPTUAL * perceptual(rendered, crops.images).mean(),
    }

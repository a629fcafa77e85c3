# SPDX-License-Identifier: GPL-3.0-or-later
"""The input view of a reconstruction: the picture and its camera."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..rendering.cameras import Camera, project

INPUT_VIEW_SIZE = 512  # pixels per side of the framed image


@dataclass
class InputView:
    """The input image, framed around the object, and its camera in world coordinates."""

    rgba: Tensor  # float32 (S, S, 4), straight alpha
    camera: Camera  # S x S pixels
    detailed: Tensor | None = None  # (D, D, 4), the framed image with all of its pixels

    @classmethod
    def from_framed(
        cls, rgba: Tensor, cam_to_world: Tensor, fov_deg: float, zoom: float, detailed: Tensor | None = None
    ) -> InputView:
        """An input view whose framing magnified the image of camera (cam_to_world, fov_deg) by `zoom`."""
        fov = 2 * math.degrees(math.atan(math.tan(math.radians(fov_deg) / 2) / zoom))
        return cls(rgba, Camera(cam_to_world, fov, rgba.shape[0], rgba.shape[1]).to(rgba.device), detailed)

    @property
    def full(self) -> Tensor:
        """The framed image (D, D, 4) at the highest resolution there is."""
        return self.rgba if self.detailed is None else self.detailed

    def sample(self, maps: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """Sample maps (S', S', C) of any size at the projections of world points (N, 3) -> (N, C); depths (N,)."""
        pixel, depth = project(self.camera, points)
        grid = pixel * 2 / torch.tensor([self.camera.width, self.camera.height], device=points.device) - 1
        maps = maps.permute(2, 0, 1)[None]
        return F.grid_sample(maps, grid[None, None], padding_mode="border", align_corners=False)[0, :, 0].T, depth

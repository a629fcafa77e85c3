# SPDX-License-Identifier: GPL-3.0-or-later
"""The input image's colours on a mesh: where it shows the surface, and through the mesh."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..rendering.mesh import Mesh
from .foreground import foreground
from .input_view import InputView
from .visibility import Visibility, ramp

REACH = 0.012  # of the image's side: the mesh may exceed the object's inside by this


class ShownColors:
    """Colours of a mesh in the input view. view.camera must show the mesh where the image shows the object."""

    def __init__(self, mesh: Mesh, view: InputView) -> None:
        self.view, self.visibility = view, Visibility.of(mesh, view.camera)
        self.full_size = view.full.shape[0]
        self.image = self.averaged(view.camera.width)

    def averaged(self, side: int) -> Tensor:
        """The object's colours at a resolution of at most the image's, and how far they count, 0..1: (S, S, 4)."""
        colors, distance = foreground(self.view.full, min(side, self.full_size))
        return torch.cat([colors, 1 - ramp(distance, 0.0, REACH)[..., None]], -1)

    def at(self, points: np.ndarray, normals: np.ndarray, image: Tensor | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The image's colours (N, 3) at points (N, 3) with unit normals, and how far they count (N,), 0..1.

        image: as `averaged` gives it, by default at the camera's resolution.
        """
        image = self.image if image is None else image
        positions, outward = (torch.from_numpy(np.asarray(x, np.float32)).to(image) for x in (points, normals))
        found = self.view.sample(image, positions)[0]
        share = self.visibility.at(positions, outward) * found[:, 3]
        return found[:, :3].cpu().numpy(), share.cpu().numpy()

    def through(self, points: np.ndarray, _normals: np.ndarray) -> np.ndarray:
        """The image's colours (N, 3) where points (N, 3) would be seen if the mesh were of glass."""
        positions = torch.from_numpy(np.asarray(points, np.float32)).to(self.image)
        return self.view.sample(self.image, positions)[0][:, :3].cpu().numpy()
